/* settings_value.h - one setting's value from text and back. Pure, thread-safe. */
#ifndef METAOPS_CORE_SETTINGS_VALUE_H
#define METAOPS_CORE_SETTINGS_VALUE_H

#include "settings_table.h"

#define SETTINGS_VALUE_BYTES 32 /* a formatted number */

/* Checks text against the row and stores it in st (a text is copied; the old one is freed).
 * FATAL with key, value (unless secret), allowed range and origin; st is then as it was. */
MUST_CHECK enum verdict settings_value_store(struct settings *st, const struct setting_row *row,
                                             const char *text, const char *origin, struct err *err);

/* The number of text as the type reads it: 12, 34MiB, 5 s. False for anything else. */
bool settings_value_number(enum setting_type type, const char *text, int64_t *out_number);

/* Writes a number as settings_value_number reads it, sizes with the largest unit that divides. */
void settings_value_format(enum setting_type type, int64_t number, char *out);

/* The value as text: a view of the field, or of buffer (SETTINGS_VALUE_BYTES). */
const char *settings_value_text(const struct settings *st, const struct setting_row *row,
                                char *buffer);

#endif
