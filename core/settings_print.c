#include <string.h>

#include "core/settings.h"
#include "core/settings_file.h"
#include "core/settings_table.h"
#include "core/settings_value.h"

#define DOC_COLUMNS 100
#define MASK "********"

static void settings_print_line(const char *key, const char *value, const char *origin, FILE *out)
{
    fprintf(out, "%s = ", key);
    settings_file_print_value(value, out);
    fprintf(out, "  # %s\n", origin);
}

void settings_print(const struct settings *st, FILE *out)
{
    char buffer[SETTINGS_VALUE_BYTES];

    for (size_t i = 0; i < settings_table_count; i++) {
        const struct setting_row *row = &settings_table_rows[i];
        const char *value = settings_value_text(st, row, buffer);
        if ((row->flags & SETTING_SECRET) && *value) {
            value = MASK;
        }
        settings_print_line(row->key, value, st->extra->origins[i], out);
    }
    for (size_t i = 0; i < st->extra->property_count; i++) {
        const struct settings_property *property = &st->extra->properties[i];
        bool is_secret = settings_table_is_secret_property(property->key) && *property->value;
        settings_print_line(property->key, is_secret ? MASK : property->value, property->origin,
                            out);
    }
}

/* Text as comment lines, broken at blanks. */
static void settings_print_wrapped(const char *text, FILE *out)
{
    size_t column = 0;

    while (*text) {
        size_t word = strcspn(text, " ");
        if (column == 0 || column + 1 + word > DOC_COLUMNS) {
            fputs(column == 0 ? "#" : "\n#", out);
            column = 1;
        }
        fprintf(out, " %.*s", (int)word, text);
        column += word + 1;
        text += word;
        text += *text == ' ';
    }
    fputc('\n', out);
}

static void settings_print_facts(const struct setting_row *row, FILE *out)
{
    char name[SETTINGS_NAME_BYTES];
    char low[SETTINGS_VALUE_BYTES];
    char high[SETTINGS_VALUE_BYTES];
    static const char *const types[] = {
        [SETTING_TEXT] = "text",
        [SETTING_INTEGER] = "number",
        [SETTING_BYTES] = "size (bytes, KiB, MiB, GiB)",
        [SETTING_MILLISECONDS] = "time (milliseconds, s, min)",
    };

    if (row->choices) {
        fprintf(out, "# One of %s.", row->choices);
    } else if (row->type == SETTING_TEXT) {
        fprintf(out, "# A text%s.", row->flags & SETTING_SECRET ? ", secret" : "");
    } else {
        settings_value_format(row->type, row->min, low);
        settings_value_format(row->type, row->max, high);
        fprintf(out, "# A %s from %s to %s.", types[row->type], low, high);
    }
    settings_table_env_name(row, name);
    fprintf(out, " Read by: %s.%s\n# %s", row->roles,
            row->flags & SETTING_RELOAD ? " A change takes effect on SIGHUP." : "", name);
    if (row->flags & SETTING_SECRET) {
        fprintf(out, ", %s_FILE", name);
    }
    settings_table_flag_name(row, name);
    fprintf(out, ", %s\n", name);
}

void settings_print_doc(FILE *out)
{
    fputs("# All settings of MetaOps with their defaults, as `metaops --print-config-doc` prints "
          "them.\n"
          "#\n"
          "# Order: default, then this file (--config FILE or METAOPS_CONFIG), then the "
          "environment, then\n"
          "# flags; `metaops --print-config` shows what is in force and where it came from. A line "
          "is\n"
          "# `key = value`; # begins a comment; a value with # or outer blanks stands in double "
          "quotes.\n",
          out);
    for (size_t i = 0; i < settings_table_count; i++) {
        const struct setting_row *row = &settings_table_rows[i];
        fputc('\n', out);
        settings_print_wrapped(row->doc, out);
        settings_print_facts(row, out);
        fprintf(out, "#%s =%s%s\n", row->key, *row->def ? " " : "", row->def);
    }
    fputs("\n# Any property of librdkafka: rdkafka.NAME for producers and consumers, "
          "rdkafka.producer.NAME\n"
          "# and rdkafka.consumer.NAME for one of them. In the environment METAOPS_RDKAFKA_NAME "
          "with _ for\n"
          "# each dot and __ for each underscore; + _FILE reads the value from a file.\n"
          "#rdkafka.security.protocol = SASL_SSL\n",
          out);
}
