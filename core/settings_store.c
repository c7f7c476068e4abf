#include "core/settings_store.h"

#include <stdlib.h>

#include "core/settings_value.h"

enum verdict settings_store_no_memory(struct err *err)
{
    return err_set(err, FATAL, "settings", "out of memory");
}

/* Stores the value of a row together with where it came from. */
enum verdict settings_store_row(struct settings *st, const struct setting_row *row,
                                const char *text, const char *origin, struct err *err)
{
    char **slot = &st->extra->origins[row - settings_table_rows];
    enum verdict verdict = settings_value_store(st, row, text, origin, err);

    if (verdict != OK) {
        return verdict;
    }
    char *copy = strdup(origin);
    if (!copy) {
        return settings_store_no_memory(err);
    }
    free(*slot);
    *slot = copy;
    return OK;
}

/* Keys are not terminated: strict checkers of strings do not let strndup read them. */
static char *settings_store_copy(struct str text)
{
    char *copy = malloc(text.len + 1);
    if (copy) {
        memcpy(copy, text.ptr, text.len);
        copy[text.len] = '\0';
    }
    return copy;
}

static enum verdict settings_store_property(struct settings *st, struct str key, const char *text,
                                            const char *origin, struct err *err)
{
    struct settings_extra *extra = st->extra;
    struct settings_property fresh = {
        .key = settings_store_copy(key),
        .value = strdup(text),
        .origin = strdup(origin),
    };
    enum verdict verdict = OK;
    size_t i = 0;

    if (!fresh.key || !fresh.value || !fresh.origin) {
        verdict = settings_store_no_memory(err);
        goto out;
    }
    while (i < extra->property_count && strcmp(extra->properties[i].key, fresh.key) != 0) {
        i++;
    }
    if (i == SETTINGS_PROPERTIES_MAX) {
        verdict = err_set(err, FATAL, "settings", "%s (%s): more than %d rdkafka properties",
                          fresh.key, origin, SETTINGS_PROPERTIES_MAX);
        goto out;
    }
    extra->property_count += i == extra->property_count;
    struct settings_property old = extra->properties[i];
    extra->properties[i] = fresh;
    fresh = old;
out:
    free(fresh.key);
    free(fresh.value);
    free(fresh.origin);
    return verdict;
}

static bool settings_store_is_property(struct str key)
{
    size_t len = strlen(SETTINGS_PROPERTY_PREFIX);
    return key.len > len && memcmp(key.ptr, SETTINGS_PROPERTY_PREFIX, len) == 0;
}

/* A key as people write it, from a file or a flag. */
enum verdict settings_store_key(struct settings *st, struct str key, const char *text,
                                const char *origin, struct err *err)
{
    if (settings_store_is_property(key)) {
        return settings_store_property(st, key, text, origin, err);
    }
    const struct setting_row *row = settings_table_find(key);
    if (!row) {
        return err_set(err, FATAL, "settings",
                       "%s: there is no setting %.*s; the nearest is %s (--print-config-doc lists "
                       "all)",
                       origin, (int)(key.len < 80 ? key.len : 80), key.ptr,
                       settings_table_nearest(key));
    }
    return settings_store_row(st, row, text, origin, err);
}
