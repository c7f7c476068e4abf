/* series_rows.h - helpers of normalize: the numbers that an event tells of its run.
 *
 * Rows for what ended well: how long since the write before, how long the run took (which START and COMPLETE tell
 * together), and what facets measured of each dataset and column. What is usual, the sink learns (series_model.h). */
#ifndef METAOPS_PROCESSORS_SERIES_ROWS_H
#define METAOPS_PROCESSORS_SERIES_ROWS_H

#include "rows.h"

/* The event's numbers; none for an event that is no START and no COMPLETE. RETRY when memory is short. */
MUST_CHECK enum verdict series_rows(struct rows *rs, struct err *err);

#endif
