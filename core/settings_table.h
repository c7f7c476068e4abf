/* settings_table.h - the rows of the settings table, and what settings*.c share. Internal to
 * settings*.c, their tests and main.c's help. */
#ifndef METAOPS_CORE_SETTINGS_TABLE_H
#define METAOPS_CORE_SETTINGS_TABLE_H

#include "settings.h"
#include "str.h"

/* Longest key and longest environment name, NUL included. */
#define SETTINGS_NAME_BYTES 96

enum setting_type { SETTING_TEXT, SETTING_INTEGER, SETTING_BYTES, SETTING_MILLISECONDS };

enum {
    SETTING_SECRET = 1, /* never printed; may come from a file named by the variable + _FILE */
    SETTING_RELOAD = 2  /* a change takes effect on SIGHUP, without a restart */
};

struct setting_row {
    const char *key; /* also the field of struct settings */
    size_t offset;   /* of the field: char * for text, else int64_t */
    enum setting_type type;
    unsigned flags;
    const char *def;
    int64_t min; /* of the number, or of the length of the text */
    int64_t max;
    const char *choices; /* text only: words separated by '|', or NULL */
    const char *roles;
    const char *doc;
};

/* Sorted by key. */
extern const struct setting_row settings_table_rows[];
extern const size_t settings_table_count;

/* A pass-through property of librdkafka. */
struct settings_property {
    char *key; /* with "rdkafka." */
    char *value;
    char *origin;
};

struct settings_extra {
    char **origins; /* one per row of the table: "default", "file x.conf:3", ... */
    struct settings_property *properties;
    size_t property_count;
    char **warnings;
    size_t warning_count;
    char **args; /* a copy, for settings_reload */
    int arg_count;
};

/* The row of key (with - and _ taken as equal), or NULL. */
const struct setting_row *settings_table_find(struct str key);

/* The key that looks most like the given one. */
const char *settings_table_nearest(struct str key);

/* METAOPS_INGEST_BODY_BYTES_MAX and --ingest.body-bytes-max, into SETTINGS_NAME_BYTES. */
void settings_table_env_name(const struct setting_row *row, char *out);
void settings_table_flag_name(const struct setting_row *row, char *out);

/* Whether a librdkafka property must not be shown: by what its name says. */
bool settings_table_is_secret_property(const char *key);

#endif
