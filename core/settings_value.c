#include "core/settings_value.h"

#include <inttypes.h>
#include <stdlib.h>

struct unit {
    enum setting_type type;
    const char *name;
    int64_t factor;
};

/* Largest first, so that formatting finds the largest that divides. */
static const struct unit units[] = {
    {.type = SETTING_BYTES, .name = "GiB", .factor = INT64_C(1) << 30},
    {.type = SETTING_BYTES, .name = "MiB", .factor = INT64_C(1) << 20},
    {.type = SETTING_BYTES, .name = "KiB", .factor = INT64_C(1) << 10},
    {.type = SETTING_MILLISECONDS, .name = "min", .factor = 60000},
    {.type = SETTING_MILLISECONDS, .name = "s", .factor = 1000},
    {.type = SETTING_MILLISECONDS, .name = "ms", .factor = 1},
};

static const size_t unit_count = sizeof(units) / sizeof(units[0]);

bool settings_value_number(enum setting_type type, const char *text, int64_t *out_number)
{
    const char *c = text;
    int64_t number = 0;
    bool negative = *c == '-';

    c += negative;
    if (*c < '0' || *c > '9') {
        return false;
    }
    for (; *c >= '0' && *c <= '9'; c++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, *c - '0', &number)) {
            return false;
        }
    }
    if (*c != '\0') {
        c += *c == ' ';
        size_t i = 0;
        while (i < unit_count && (units[i].type != type || strcmp(units[i].name, c) != 0)) {
            i++;
        }
        if (i == unit_count || __builtin_mul_overflow(number, units[i].factor, &number)) {
            return false;
        }
    }
    *out_number = negative ? -number : number;
    return true;
}

void settings_value_format(enum setting_type type, int64_t number, char *out)
{
    if (type == SETTING_BYTES && number != 0) {
        for (size_t i = 0; i < unit_count; i++) {
            if (units[i].type == type && number % units[i].factor == 0) {
                snprintf(out, SETTINGS_VALUE_BYTES, "%" PRId64 "%s", number / units[i].factor,
                         units[i].name);
                return;
            }
        }
    }
    snprintf(out, SETTINGS_VALUE_BYTES, "%" PRId64, number);
}

static bool settings_value_is_choice(const char *choices, const char *text)
{
    size_t len = strlen(text);

    for (const char *c = choices; c; c = strchr(c, '|')) {
        c += *c == '|';
        if (strcspn(c, "|") == len && strncmp(c, text, len) == 0) {
            return true;
        }
    }
    return false;
}

static enum verdict settings_value_store_text(char **field, const struct setting_row *row,
                                              const char *text, const char *origin, struct err *err)
{
    int64_t len = (int64_t)strlen(text);

    if (len < row->min || len > row->max) {
        return err_set(err, FATAL, "settings",
                       "%s (%s) has %" PRId64 " bytes: must have %" PRId64 " to %" PRId64, row->key,
                       origin, len, row->min, row->max);
    }
    if (row->choices && !settings_value_is_choice(row->choices, text)) {
        return err_set(err, FATAL, "settings", "%s = %s (%s): must be one of %s", row->key, text,
                       origin, row->choices);
    }
    char *copy = strdup(text);
    if (!copy) {
        return err_set(err, FATAL, "settings", "out of memory");
    }
    free(*field);
    *field = copy;
    return OK;
}

enum verdict settings_value_store(struct settings *st, const struct setting_row *row,
                                  const char *text, const char *origin, struct err *err)
{
    void *field = (char *)st + row->offset;
    int64_t number = 0;

    if (row->type == SETTING_TEXT) {
        return settings_value_store_text(field, row, text, origin, err);
    }
    bool is_number = settings_value_number(row->type, text, &number);
    if (!is_number || number < row->min || number > row->max) {
        static const char *const wanted[] = {
            [SETTING_INTEGER] = "a whole number",
            [SETTING_BYTES] = "a size (bytes, KiB, MiB or GiB)",
            [SETTING_MILLISECONDS] = "a time (milliseconds, or with s or min)",
        };
        char low[SETTINGS_VALUE_BYTES];
        char high[SETTINGS_VALUE_BYTES];
        settings_value_format(row->type, row->min, low);
        settings_value_format(row->type, row->max, high);
        return err_set(err, FATAL, "settings", "%s = %.64s (%s): must be %s from %s to %s",
                       row->key, text, origin, wanted[row->type], low, high);
    }
    memcpy(field, &number, sizeof(number));
    return OK;
}

const char *settings_value_text(const struct settings *st, const struct setting_row *row,
                                char *buffer)
{
    const void *field = (const char *)st + row->offset;

    if (row->type == SETTING_TEXT) {
        const char *text;
        memcpy(&text, field, sizeof(text));
        return text;
    }
    int64_t number;
    memcpy(&number, field, sizeof(number));
    settings_value_format(row->type, number, buffer);
    return buffer;
}
