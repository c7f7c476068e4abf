#include "core/tls_files.h"

#include <string.h>

#include "core/settings.h"

struct tls_server_files tls_files_ingest(const struct settings *st)
{
    return (struct tls_server_files){.certificate = st->ingest.tls_certificate_file,
                                     .key = st->ingest.tls_key_file,
                                     .client_ca = st->ingest.tls_client_ca_file,
                                     .is_client_required =
                                         strcmp(st->ingest.tls_client_required, "yes") == 0};
}

struct tls_server_files tls_files_admin(const struct settings *st)
{
    return (struct tls_server_files){.certificate = st->admin.tls_certificate_file,
                                     .key = st->admin.tls_key_file,
                                     .client_ca = ""};
}

enum verdict tls_files_reload(struct tls_server *tls, const struct tls_server_files *files,
                              struct err *err)
{
    bool is_wanted = *files->certificate != '\0';

    if (is_wanted != (tls != NULL)) {
        return err_set(err, REJECT, "tls", "TLS cannot be %s while running: restart",
                       is_wanted ? "switched on" : "switched off");
    }
    return tls ? tls_server_reload(tls, files, err) : OK;
}
