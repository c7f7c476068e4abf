#include "ingest/emit_key.h"

#include <stdlib.h>
#include <string.h>

#include "core/settings_file.h"

#define OWN_NAME "METAOPS_EMIT_API_KEY"
#define FILE_NAME "METAOPS_EMIT_API_KEY_FILE"
#define CLIENTS_NAME "OPENLINEAGE_API_KEY"
#define KEY_BYTES_MAX 4096

/* Spaces or line ends inside would end the header. */
static enum verdict emit_key_check(const char *key, const char *origin, struct err *err)
{
    for (const char *c = key; *c; c++) {
        if (*c <= 0x20 || *c >= 0x7F) {
            return err_set(err, FATAL, "emit", "%s: a key is visible ASCII without spaces", origin);
        }
    }
    return strlen(key) <= KEY_BYTES_MAX ? OK : err_set(err, FATAL, "emit", "%s: too long", origin);
}

enum verdict emit_key_read(char **out_key, struct err *err)
{
    const char *own = getenv(OWN_NAME);
    const char *path = getenv(FILE_NAME);
    const char *clients = getenv(CLIENTS_NAME);
    const char *origin = own && *own ? OWN_NAME : path && *path ? FILE_NAME : CLIENTS_NAME;
    const char *value = own && *own ? own : clients;
    char *key = NULL;
    size_t len = 0;

    if (strcmp(origin, FILE_NAME) == 0) {
        enum verdict verdict = settings_file_read(path, KEY_BYTES_MAX, &key, &len, err);
        if (verdict != OK) {
            return err_wrap(err, "%s", FILE_NAME);
        }
        key[strcspn(key, "\r\n")] = '\0';
    } else {
        key = strdup(value ? value : "");
    }
    if (!key) {
        return err_set(err, FATAL, "emit", "out of memory");
    }
    enum verdict verdict = emit_key_check(key, origin, err);
    if (verdict != OK) {
        emit_key_free(key);
        return verdict;
    }
    *out_key = key;
    return OK;
}

void emit_key_free(char *key)
{
    if (key) {
        explicit_bzero(key, strlen(key));
        free(key);
    }
}
