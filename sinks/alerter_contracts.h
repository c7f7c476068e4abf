/* alerter_contracts.h - the file of contracts and rules (alerts.contracts_file) as the alerter keeps it: judged when it starts,
 * when the settings are read again and when the file changes; put into the store when that can be reached. One thread. */
#ifndef METAOPS_SINKS_ALERTER_CONTRACTS_H
#define METAOPS_SINKS_ALERTER_CONTRACTS_H

#include <stdbool.h>

#include "core/err.h"
#include "core/file_stamp.h"

struct settings;

struct alerter_contracts {
    char *path; /* empty or NULL: there is none */
    struct file_stamp stamp;
    bool is_due; /* to be put into the store */
};

/* Judges the file that st names and takes it over. FATAL: it cannot be used, and the one before stays. */
MUST_CHECK enum verdict alerter_contracts_take(struct alerter_contracts *contracts,
                                               const struct settings *st, struct err *err);

/* As alerter_contracts_take for a file that has changed; one that cannot be used is named once. */
MUST_CHECK enum verdict alerter_contracts_refresh(struct alerter_contracts *contracts,
                                                  bool *out_is_new, struct err *err);

/* A zeroed one is allowed. */
void alerter_contracts_fini(struct alerter_contracts *contracts);

#endif
