/* alerter_ends.h - where topics end just now: what is missing in the store may be in Kafka, and not stored yet.
 *
 * Asked only while something seems to be missing. One thread. */
#ifndef METAOPS_SINKS_ALERTER_ENDS_H
#define METAOPS_SINKS_ALERTER_ENDS_H

#include "core/err.h"

struct alerter_ends;
struct settings;

/* Connects when it is asked; st must outlive it. NULL when memory is short. */
struct alerter_ends *alerter_ends_new(const struct settings *st);

/* Ends of the partitions of topics (names with commas between) as graph.stored_to takes them: malloc'd JSON, the caller's; and
 * the id of the cluster, valid until alerter_ends_free. Blocks up to 3 s for each topic. RETRY when the cluster does not
 * answer, FATAL for bad settings. */
MUST_CHECK enum verdict alerter_ends_ask(struct alerter_ends *ends, const char *topics,
                                         const char **out_cluster, char **out_json,
                                         struct err *err);

/* Blocks up to about 2 s. NULL is allowed. */
void alerter_ends_free(struct alerter_ends *ends);

#endif
