/* settings_env.h - settings from the environment. Internal to settings*.c. */
#ifndef METAOPS_CORE_SETTINGS_ENV_H
#define METAOPS_CORE_SETTINGS_ENV_H

#include "settings_table.h"

/* METAOPS_* of the table, METAOPS_RDKAFKA_* and KAFKA_BOOTSTRAP_SERVERS; for secrets also from the
 * file that the variable + _FILE names. Other METAOPS_* become warnings. FATAL for a value that is
 * not allowed. */
MUST_CHECK enum verdict settings_env_load(struct settings *st, struct err *err);

#endif
