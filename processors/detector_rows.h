/* detector_rows.h - helpers of observe: what a detector says of drift, into rows of its monitor. All return OK, or RETRY when
 * memory is short. */
#ifndef METAOPS_PROCESSORS_DETECTOR_ROWS_H
#define METAOPS_PROCESSORS_DETECTOR_ROWS_H

#include "rows.h"
#include "schemas/payload_event.h"

/* Rows of the answer in message, at at_us of a stream; none when it is no detector's. An answer without any tensor may be one: its
 * evaluation is kept, and seen once another answer tells that there is a monitor. */
MUST_CHECK enum verdict detector_rows_add(struct rows *rs, const struct payload_event *ev,
                                          const struct inference_message *message,
                                          struct id128 stream, int64_t at_us, struct err *err);

#endif
