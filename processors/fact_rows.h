/* fact_rows.h - helpers of normalize: what a statement tells of the minimum metadata of its job and datasets.
 *
 * Rows for events whose statement is not known to be stored, and for the first COMPLETE of each output; of them only
 * those that tell something else than what is known to be stored: in steady state there are none. */
#ifndef METAOPS_PROCESSORS_FACT_ROWS_H
#define METAOPS_PROCESSORS_FACT_ROWS_H

#include "rows.h"

/* Of a new statement. RETRY when memory is short. */
MUST_CHECK enum verdict fact_rows(struct rows *rs, struct err *err);

/* Of the outputs of a COMPLETE event; nothing for any other. RETRY when memory is short. */
MUST_CHECK enum verdict fact_rows_of_written(struct rows *rs, struct err *err);

#endif
