/* settings_store.h - puts one value into the settings, with its origin. Internal to settings*.c.
 *
 * A later call replaces what an earlier one put: the order of calls is the order of the sources. */
#ifndef METAOPS_CORE_SETTINGS_STORE_H
#define METAOPS_CORE_SETTINGS_STORE_H

#include "settings_table.h"

#define SETTINGS_PROPERTIES_MAX 256
#define SETTINGS_WARNINGS_MAX 32
#define SETTINGS_ORIGIN_BYTES 512
#define SETTINGS_PROPERTY_PREFIX "rdkafka."

/* FATAL for a value the row does not allow. origin is copied. */
MUST_CHECK enum verdict settings_store_row(struct settings *st, const struct setting_row *row,
                                           const char *text, const char *origin, struct err *err);

/* The same by key: one of the table, or rdkafka.*. FATAL also for an unknown key. */
MUST_CHECK enum verdict settings_store_key(struct settings *st, struct str key, const char *text,
                                           const char *origin, struct err *err);

enum verdict settings_store_no_memory(struct err *err);

#endif
