#include <stdlib.h>

#include "core/settings.h"
#include "core/settings_store.h"
#include "core/settings_value.h"

enum verdict settings_reload(const struct settings *st, struct settings *out_fresh, struct err *err)
{
    struct settings_rest rest = {.words = NULL};
    enum verdict verdict =
        settings_load(out_fresh, st->extra->arg_count, st->extra->args, &rest, err);

    if (verdict == OK) {
        free(rest.words);
    }
    return verdict;
}

static bool is_same_value(const struct settings *a, const struct settings *b,
                          const struct setting_row *row)
{
    char a_buffer[SETTINGS_VALUE_BYTES];
    char b_buffer[SETTINGS_VALUE_BYTES];

    return strcmp(settings_value_text(a, row, a_buffer), settings_value_text(b, row, b_buffer)) ==
           0;
}

static bool has_same_properties(const struct settings_extra *a, const struct settings_extra *b)
{
    bool is_same = a->property_count == b->property_count;

    for (size_t i = 0; is_same && i < a->property_count; i++) {
        is_same = strcmp(a->properties[i].key, b->properties[i].key) == 0 &&
                  strcmp(a->properties[i].value, b->properties[i].value) == 0;
    }
    return is_same;
}

void settings_each_change(const struct settings *a, const struct settings *b,
                          void (*each)(void *arg, const char *key, const char *roles,
                                       bool is_reloadable),
                          void *arg)
{
    for (size_t i = 0; i < settings_table_count; i++) {
        const struct setting_row *row = &settings_table_rows[i];
        if (!is_same_value(a, b, row)) {
            each(arg, row->key, row->roles, row->flags & SETTING_RELOAD);
        }
    }
    if (!has_same_properties(a->extra, b->extra)) {
        each(arg, SETTINGS_PROPERTY_PREFIX "*", "all", false);
    }
}
