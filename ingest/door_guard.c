#include "ingest/door_guard.h"

#include <string.h>

#include "core/listen_address.h"
#include "core/settings.h"

bool door_guard_requires_key(const struct settings *st)
{
    if (strcmp(st->ingest.auth, "auto") != 0) {
        return strcmp(st->ingest.auth, "required") == 0;
    }
    return strcmp(st->ingest.insecure, "anonymous") != 0 &&
           !listen_address_is_loopback(st->ingest.listen);
}

enum verdict door_guard_check(const struct settings *st, struct err *err)
{
    bool has_tls = *st->ingest.tls_certificate_file != '\0';
    bool knows_clients =
        door_guard_requires_key(st) || strcmp(st->ingest.tls_client_required, "yes") == 0;
    bool may_be_plain = strcmp(st->ingest.insecure, "no") != 0;
    bool may_be_anonymous = strcmp(st->ingest.insecure, "anonymous") == 0;

    if (listen_address_is_loopback(st->ingest.listen)) {
        return OK;
    }
    if (!has_tls && !may_be_plain) {
        return err_set(err, FATAL, "door_guard",
                       "ingest.listen = %.40s is open to other machines and has no TLS: set "
                       "ingest.tls_certificate_file and ingest.tls_key_file, or ingest.insecure = "
                       "plaintext where something in front of it ends TLS",
                       st->ingest.listen);
    }
    if (!knows_clients && !may_be_anonymous) {
        return err_set(
            err, FATAL, "door_guard",
            "ingest.listen = %.40s is open to other machines and takes events from anybody: "
            "set ingest.auth = required, or ingest.insecure = anonymous where the "
            "network lets only friends in",
            st->ingest.listen);
    }
    return OK;
}
