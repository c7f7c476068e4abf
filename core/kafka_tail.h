/* kafka_tail.h - the end of a partition, read once from the offset one names, without a group taking
 * part: for whoever keeps its position in the topic that it writes. One thread; blocks. */
#ifndef METAOPS_CORE_KAFKA_TAIL_H
#define METAOPS_CORE_KAFKA_TAIL_H

#include <stdint.h>

#include "err.h"

struct kafka_record;
struct kafka_tail;
struct settings;

/* Connects in the background. FATAL for bad settings. */
MUST_CHECK enum verdict kafka_tail_open(const struct settings *st, struct kafka_tail **out_tail,
                                        struct err *err);

/* First and next offset. Blocks up to timeout_ms. */
MUST_CHECK enum verdict kafka_tail_ends(struct kafka_tail *tail, const char *topic,
                                        int32_t partition, int timeout_ms, int64_t *out_low,
                                        int64_t *out_high, struct err *err);

/* What worker.group has committed there; -1 when nothing. */
MUST_CHECK enum verdict kafka_tail_committed(struct kafka_tail *tail, const char *topic,
                                             int32_t partition, int timeout_ms, int64_t *out_offset,
                                             struct err *err);

/* Calls each for the records from offset from up to, not including, to, in order; views are valid
 * during the call. Ends early with each's verdict when that is not OK. RETRY when idle_ms pass
 * without a record. */
MUST_CHECK enum verdict
kafka_tail_read(struct kafka_tail *tail, const char *topic, int32_t partition, int64_t from,
                int64_t to, int idle_ms,
                enum verdict (*each)(void *arg, const struct kafka_record *record, struct err *err),
                void *arg, struct err *err);

/* Blocks up to about 1 s. NULL is allowed. */
void kafka_tail_close(struct kafka_tail *tail);

#endif
