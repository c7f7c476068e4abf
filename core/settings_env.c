#include "core/settings_env.h"

#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/plain_file.h"
#include "core/settings_file.h"
#include "core/settings_store.h"

#define SECRET_FILE_BYTES_MAX 65536
#define PROPERTY_ENV_PREFIX "METAOPS_RDKAFKA_"

static void settings_env_warn(struct settings *st, const char *env_name, const char *what)
{
    struct settings_extra *extra = st->extra;

    if (extra->warning_count < SETTINGS_WARNINGS_MAX) {
        char *text = NULL;
        if (asprintf(&text, "environment %.200s %s, ignoring", env_name, what) >= 0) {
            extra->warnings[extra->warning_count++] = text;
        }
    }
}

/* A secret from the file that a variable + _FILE names: the last line end is the editor's. */
static enum verdict settings_env_secret_file(struct settings *st, struct str key,
                                             const char *env_name, const char *path,
                                             struct err *err)
{
    char origin[SETTINGS_ORIGIN_BYTES];
    char *text = NULL;
    size_t len = 0;

    snprintf(origin, sizeof(origin), "environment %s, file %s", env_name, path);
    enum verdict verdict = settings_file_read(path, SECRET_FILE_BYTES_MAX, &text, &len, err);
    if (verdict != OK) {
        return err_wrap(err, "environment %s", env_name);
    }
    if (plain_file_is_public(path)) {
        settings_env_warn(st, env_name, "names a file that everybody may read");
    }
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
        text[--len] = '\0';
    }
    if (strlen(text) != len) {
        verdict = err_set(err, FATAL, "settings", "%s: the file holds a NUL byte", origin);
    } else {
        verdict = settings_store_key(st, key, text, origin, err);
    }
    free(text);
    return verdict;
}

static enum verdict settings_env_row(struct settings *st, const struct setting_row *row,
                                     struct err *err)
{
    char name[SETTINGS_NAME_BYTES];
    char file_name[SETTINGS_NAME_BYTES + 8];
    char origin[SETTINGS_ORIGIN_BYTES];

    settings_table_env_name(row, name);
    const char *value = getenv(name);
    if (row->flags & SETTING_SECRET) {
        snprintf(file_name, sizeof(file_name), "%s_FILE", name);
        const char *path = getenv(file_name);
        if (path && value) {
            return err_set(err, FATAL, "settings", "both %s and %s are set", name, file_name);
        }
        if (path) {
            return settings_env_secret_file(st, str_view(row->key), file_name, path, err);
        }
    }
    if (!value && strcmp(row->key, "kafka.brokers") == 0) {
        snprintf(name, sizeof(name), "KAFKA_BOOTSTRAP_SERVERS");
        value = getenv(name);
    }
    if (!value) {
        return OK;
    }
    snprintf(origin, sizeof(origin), "environment %s", name);
    return settings_store_row(st, row, value, origin, err);
}

/* METAOPS_RDKAFKA_SASL_PASSWORD is rdkafka.sasl.password; two underscores are one. */
static void settings_env_property_key(const char *env_name, char *out)
{
    size_t n = (size_t)snprintf(out, SETTINGS_NAME_BYTES, "%s", SETTINGS_PROPERTY_PREFIX);

    for (const char *c = env_name + strlen(PROPERTY_ENV_PREFIX); *c && n < SETTINGS_NAME_BYTES - 1;
         c++) {
        if (*c != '_') {
            out[n++] = (char)tolower((unsigned char)*c);
        } else if (c[1] == '_') {
            out[n++] = '_';
            c++;
        } else {
            out[n++] = '.';
        }
    }
    out[n] = '\0';
}

static enum verdict settings_env_property(struct settings *st, const char *name, const char *value,
                                          struct err *err)
{
    char key[SETTINGS_NAME_BYTES];
    char origin[SETTINGS_ORIGIN_BYTES];
    size_t suffix = strlen(".file");

    settings_env_property_key(name, key);
    struct str view = str_view(key);
    if (view.len > suffix && strcmp(key + view.len - suffix, ".file") == 0) {
        view.len -= suffix;
        return settings_env_secret_file(st, view, name, value, err);
    }
    snprintf(origin, sizeof(origin), "environment %s", name);
    return settings_store_key(st, view, value, origin, err);
}

static bool settings_env_is_known(const char *name)
{
    /* The emitter library reads its own, see ingest/emitter/metaops_emit.h. */
    if (strncmp(name, "METAOPS_EMIT_", strlen("METAOPS_EMIT_")) == 0) {
        return true;
    }
    /* Read by the local stack, the tests and the client commands. */
    static const char *const others[] = {
        "METAOPS_CONFIG",       "METAOPS_LOCAL_DIR",  "METAOPS_PORT_BASE",
        "METAOPS_GATEWAY_URL",  "METAOPS_ADMIN_URL",  "METAOPS_WORKER_ADMIN_URL",
        "METAOPS_KAFKA",        "METAOPS_DSN",        "METAOPS_PROGRAM",
        "METAOPS_CACHE_DIR",    "METAOPS_TEST_SHORT", "METAOPS_FUZZ_SECONDS",
        "METAOPS_BENCH_EVENTS", "METAOPS_BUILD_DIR",  "METAOPS_ALERTER_ADMIN_URL",
    };
    char env_name[SETTINGS_NAME_BYTES];

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strcmp(name, others[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < settings_table_count; i++) {
        const struct setting_row *row = &settings_table_rows[i];
        settings_table_env_name(row, env_name);
        size_t len = strlen(env_name);
        if (strcmp(name, env_name) == 0 ||
            ((row->flags & SETTING_SECRET) && strncmp(name, env_name, len) == 0 &&
             strcmp(name + len, "_FILE") == 0)) {
            return true;
        }
    }
    return false;
}

enum verdict settings_env_load(struct settings *st, struct err *err)
{
    enum verdict verdict = OK;

    for (size_t i = 0; i < settings_table_count && verdict == OK; i++) {
        verdict = settings_env_row(st, &settings_table_rows[i], err);
    }
    for (char **variable = environ; *variable && verdict == OK; variable++) {
        char name[SETTINGS_NAME_BYTES];
        const char *equals = strchr(*variable, '=');
        if (!equals || strncmp(*variable, "METAOPS_", 8) != 0) {
            continue;
        }
        snprintf(name, sizeof(name), "%.*s", (int)(equals - *variable), *variable);
        if (strncmp(name, PROPERTY_ENV_PREFIX, strlen(PROPERTY_ENV_PREFIX)) == 0) {
            verdict = settings_env_property(st, name, equals + 1, err);
        } else if (!settings_env_is_known(name)) {
            settings_env_warn(st, name, "belongs to no setting");
        }
    }
    return verdict;
}
