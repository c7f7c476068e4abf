/* server_rows.h - helpers of control: what was seen of a server of models, into rows. All return OK, or RETRY when memory is
 * short. */
#ifndef METAOPS_PROCESSORS_SERVER_ROWS_H
#define METAOPS_PROCESSORS_SERVER_ROWS_H

#include "rows.h"
#include "schemas/server_report.h"

/* Rows of what was seen at at_us. The server and what is on it exist from it on: observed. */
MUST_CHECK enum verdict server_rows_observed(struct rows *rs, const struct server_report *report,
                                             int64_t at_us, struct err *err);

MUST_CHECK enum verdict server_rows_counted(struct rows *rs, const struct server_counts *counts,
                                            int64_t at_us, struct err *err);

#endif
