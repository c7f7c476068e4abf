#include "core/settings.h"

#include <stdlib.h>

#include "core/settings_env.h"
#include "core/settings_file.h"
#include "core/settings_store.h"

struct settings_file_state {
    struct settings *st;
    const char *path;
};

static enum verdict settings_put_line(void *arg, int line, struct str key, const char *value,
                                      struct err *err)
{
    struct settings_file_state *state = arg;
    char origin[SETTINGS_ORIGIN_BYTES];
    snprintf(origin, sizeof(origin), "file %s:%d", state->path, line);

    const struct setting_row *row = settings_table_find(key);
    if (row) {
        const char *earlier = state->st->extra->origins[row - settings_table_rows];
        if (strncmp(earlier, "file ", 5) == 0) {
            return err_set(err, FATAL, "settings", "%s: %s is already set by %s", origin, row->key,
                           earlier);
        }
    }
    return settings_store_key(state->st, key, value, origin, err);
}

static enum verdict settings_load_file(struct settings *st, const char *path, struct err *err)
{
    struct settings_file_state state = {.st = st, .path = path};
    char *text = NULL;
    size_t len = 0;
    enum verdict verdict = settings_file_read(path, SETTINGS_FILE_BYTES_MAX, &text, &len, err);

    if (verdict != OK) {
        return verdict;
    }
    struct str view = {.ptr = text, .len = len};
    verdict = settings_file_parse(view, settings_put_line, &state, err);
    if (verdict != OK && !strstr(err->text, path)) {
        verdict = err_wrap(err, "file %s", path);
    }
    free(text);
    return verdict;
}

/* Splits --name=value or --name value at args[*index]; *index moves to the value's word. ptr NULL
 * when the word is not the flag of a setting: those have a dot in their name. */
static enum verdict settings_flag(int argc, char **args, int *index, struct str *out_name,
                                  const char **out_value, struct err *err)
{
    const char *word = args[*index];
    size_t len = strcspn(word, "=");
    struct str name = {.ptr = word + 2, .len = len - (len < 2 ? len : 2)};
    bool is_setting = strncmp(word, "--", 2) == 0 && name.len > 0 &&
                      (memchr(name.ptr, '.', name.len) || str_eq(name, STR("config")));

    out_name->ptr = NULL;
    if (!is_setting) {
        return OK;
    }
    if (word[len] == '=') {
        *out_value = word + len + 1;
    } else if (*index + 1 < argc) {
        *out_value = args[++*index];
    } else {
        return err_set(err, FATAL, "settings", "flag %s: the value is missing", word);
    }
    *out_name = name;
    return OK;
}

static enum verdict settings_load_flags(struct settings *st, int argc, char **args,
                                        struct settings_rest *rest, struct err *err)
{
    for (int i = 0; i < argc; i++) {
        struct str name;
        const char *value = NULL;
        char origin[SETTINGS_ORIGIN_BYTES];

        if (strcmp(args[i], "--") == 0) {
            while (i < argc) {
                rest->words[rest->count++] = args[i++];
            }
            break;
        }
        enum verdict verdict = settings_flag(argc, args, &i, &name, &value, err);
        if (verdict != OK) {
            return verdict;
        }
        if (!name.ptr) {
            rest->words[rest->count++] = args[i];
            continue;
        }
        if (str_eq(name, STR("config"))) {
            continue;
        }
        snprintf(origin, sizeof(origin), "flag --%.*s", (int)name.len, name.ptr);
        verdict = settings_store_key(st, name, value, origin, err);
        if (verdict != OK) {
            return verdict;
        }
    }
    return OK;
}

/* The file to read, or NULL: the flag has to be known before the other flags are read. */
static enum verdict settings_config_path(int argc, char **args, const char **out_path,
                                         struct err *err)
{
    const char *path = getenv("METAOPS_CONFIG");

    for (int i = 0; i < argc && strcmp(args[i], "--") != 0; i++) {
        struct str name;
        const char *value = NULL;
        enum verdict verdict = settings_flag(argc, args, &i, &name, &value, err);
        if (verdict != OK) {
            return verdict;
        }
        if (name.ptr && str_eq(name, STR("config"))) {
            path = value;
        }
    }
    *out_path = path && *path ? path : NULL;
    return OK;
}

static enum verdict settings_check_files(const char *name, const char *certificate, const char *key,
                                         struct err *err)
{
    if (!*certificate != !*key) {
        return err_set(err, FATAL, "settings",
                       "%s.tls_certificate_file and %s.tls_key_file go together: %s is not set",
                       name, name, *key ? "the certificate" : "the key");
    }
    return OK;
}

static enum verdict settings_check_tls(const struct settings *st, struct err *err)
{
    enum verdict verdict = settings_check_files("ingest", st->ingest.tls_certificate_file,
                                                st->ingest.tls_key_file, err);

    if (verdict == OK) {
        verdict = settings_check_files("admin", st->admin.tls_certificate_file,
                                       st->admin.tls_key_file, err);
    }
    if (verdict == OK && *st->ingest.tls_client_ca_file && !*st->ingest.tls_certificate_file) {
        return err_set(err, FATAL, "settings",
                       "ingest.tls_client_ca_file needs ingest.tls_certificate_file");
    }
    if (verdict == OK && strcmp(st->ingest.tls_client_required, "yes") == 0 &&
        !*st->ingest.tls_client_ca_file) {
        return err_set(err, FATAL, "settings",
                       "ingest.tls_client_required needs ingest.tls_client_ca_file");
    }
    return verdict;
}

/* Rules between settings. */
static enum verdict settings_check(const struct settings *st, struct err *err)
{
    if (st->ingest.answer_timeout_ms <= st->ingest.message_timeout_ms) {
        return err_set(err, FATAL, "settings",
                       "ingest.answer_timeout_ms (%lld) must be more than "
                       "ingest.message_timeout_ms (%lld)",
                       (long long)st->ingest.answer_timeout_ms,
                       (long long)st->ingest.message_timeout_ms);
    }
    if (st->kafka.min_insync_replicas > st->kafka.replication_factor) {
        return err_set(err, FATAL, "settings",
                       "kafka.min_insync_replicas (%lld) must not be more than "
                       "kafka.replication_factor (%lld)",
                       (long long)st->kafka.min_insync_replicas,
                       (long long)st->kafka.replication_factor);
    }
    return settings_check_tls(st, err);
}

static enum verdict settings_keep_args(struct settings_extra *extra, int argc, char **args,
                                       struct err *err)
{
    extra->args = calloc((size_t)argc + 1, sizeof(char *));
    if (!extra->args) {
        return settings_store_no_memory(err);
    }
    for (int i = 0; i < argc; i++) {
        extra->args[i] = strdup(args[i]);
        if (!extra->args[i]) {
            return settings_store_no_memory(err);
        }
        extra->arg_count++;
    }
    return OK;
}

static enum verdict settings_load_defaults(struct settings *st, struct err *err)
{
    enum verdict verdict = OK;

    st->extra = calloc(1, sizeof(*st->extra));
    if (!st->extra) {
        return settings_store_no_memory(err);
    }
    st->extra->origins = calloc(settings_table_count, sizeof(*st->extra->origins));
    st->extra->properties = calloc(SETTINGS_PROPERTIES_MAX, sizeof(*st->extra->properties));
    st->extra->warnings = calloc(SETTINGS_WARNINGS_MAX, sizeof(*st->extra->warnings));
    if (!st->extra->origins || !st->extra->properties || !st->extra->warnings) {
        return settings_store_no_memory(err);
    }
    for (size_t i = 0; i < settings_table_count && verdict == OK; i++) {
        const struct setting_row *row = &settings_table_rows[i];
        verdict = settings_store_row(st, row, row->def, "default", err);
    }
    return verdict;
}

enum verdict settings_load(struct settings *st, int argc, char **args,
                           struct settings_rest *out_rest, struct err *err)
{
    struct settings fresh = {.extra = NULL};
    struct settings_rest rest = {.words = calloc((size_t)argc + 1, sizeof(char *))};
    struct err local = {.verdict = OK};
    const char *path = NULL;
    enum verdict verdict = rest.words ? OK : settings_store_no_memory(&local);

    if (verdict == OK) {
        verdict = settings_load_defaults(&fresh, &local);
    }
    if (verdict == OK) {
        verdict = settings_keep_args(fresh.extra, argc, args, &local);
    }
    if (verdict == OK) {
        verdict = settings_config_path(argc, args, &path, &local);
    }
    if (verdict == OK && path) {
        verdict = settings_load_file(&fresh, path, &local);
    }
    if (verdict == OK) {
        verdict = settings_env_load(&fresh, &local);
    }
    if (verdict == OK) {
        verdict = settings_load_flags(&fresh, argc, args, &rest, &local);
    }
    if (verdict == OK) {
        verdict = settings_check(&fresh, &local);
    }
    if (verdict != OK) {
        settings_fini(&fresh);
        free(rest.words);
        if (err) {
            *err = local;
        }
        return verdict;
    }
    *st = fresh;
    *out_rest = rest;
    return OK;
}

void settings_each_rdkafka(const struct settings *st,
                           bool (*each)(void *arg, const char *name, const char *value), void *arg)
{
    for (size_t i = 0; i < st->extra->property_count; i++) {
        const struct settings_property *property = &st->extra->properties[i];
        if (!each(arg, property->key + strlen(SETTINGS_PROPERTY_PREFIX), property->value)) {
            return;
        }
    }
}

void settings_each_warning(const struct settings *st, void (*each)(void *arg, const char *text),
                           void *arg)
{
    for (size_t i = 0; i < st->extra->warning_count; i++) {
        each(arg, st->extra->warnings[i]);
    }
}

void settings_fini(struct settings *st)
{
    struct settings_extra *extra = st->extra;

    for (size_t i = 0; i < settings_table_count; i++) {
        const struct setting_row *row = &settings_table_rows[i];
        if (row->type == SETTING_TEXT) {
            char **field = (char **)((char *)st + row->offset);
            free(*field);
            *field = NULL;
        }
        if (extra && extra->origins) {
            free(extra->origins[i]);
        }
    }
    if (extra) {
        for (size_t i = 0; extra->properties && i < extra->property_count; i++) {
            free(extra->properties[i].key);
            free(extra->properties[i].value);
            free(extra->properties[i].origin);
        }
        for (size_t i = 0; extra->warnings && i < extra->warning_count; i++) {
            free(extra->warnings[i]);
        }
        for (int i = 0; i < extra->arg_count; i++) {
            free(extra->args[i]);
        }
        free(extra->args);
        free(extra->origins);
        free(extra->properties);
        free(extra->warnings);
        free(extra);
        st->extra = NULL;
    }
}
