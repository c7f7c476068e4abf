/* conceal.h - redaction on the worker's side: what others wrote to Kafka, and dead letters. */
#ifndef METAOPS_PROCESSORS_CONCEAL_H
#define METAOPS_PROCESSORS_CONCEAL_H

#include "stages.h"

/* The value under which a record that could not be used is kept, in the scratch arena or the record:
 * its bytes; a JSON body, or a record encoded anew, where something had to be redacted. RETRY when
 * memory is short. */
MUST_CHECK enum verdict conceal_letter(struct processor *pr, struct event_work *work,
                                       struct str *out_value, struct err *err);

#endif
