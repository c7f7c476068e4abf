/* audit_export.h - a worker's thread that exports the heads of the audit chains, signed, on a schedule.
 *
 * At the start, every audit.heads_interval_ms and at the end, if anything came in since, all heads go as one line
 * (audit_heads.h) to kafka.topic_audit_heads and, when it is named, are appended to audit.heads_file. Each of the two
 * takes what it can; where one could not, it is tried again within half a minute. */
#ifndef METAOPS_SINKS_AUDIT_EXPORT_H
#define METAOPS_SINKS_AUDIT_EXPORT_H

#include "core/err.h"

struct settings;
struct sink_aside;

/* *out_aside is NULL when audit.key_file is empty: then heads are not exported. FATAL for a key that is none. st must
 * outlive it. */
MUST_CHECK enum verdict audit_export_start(const struct settings *st, struct sink_aside **out_aside,
                                           struct err *err);

/* Exports what came in since. Blocks up to some 15 s when neighbours are away. NULL is allowed. */
void audit_export_stop(struct sink_aside *aside);

#endif
