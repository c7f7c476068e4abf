/* drift_rows.h - helpers of normalize: in what respects an event may say something else than was said before.
 *
 * Rows for events whose statement is not known to be stored, and for failures: in steady state there are none. What
 * they mean for a subject is judged by the database (graph.judge_drift), which knows what else was said. */
#ifndef METAOPS_PROCESSORS_DRIFT_ROWS_H
#define METAOPS_PROCESSORS_DRIFT_ROWS_H

#include "rows.h"

/* The contents of a new statement, complete but for its times. RETRY when memory is short. */
MUST_CHECK enum verdict drift_rows(struct rows *rs, const struct graph_statement *said,
                                   struct err *err);

/* A run that failed or was aborted; nothing for any other event. RETRY when memory is short. */
MUST_CHECK enum verdict drift_rows_of_failure(struct rows *rs, struct err *err);

#endif
