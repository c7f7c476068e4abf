/* kafka_reader.h - reads one record at a named offset, without a group and without touching what
 * the consumer reads. Part of kafka_consumer.h, which is the face for everybody else. One
 * thread. */
#ifndef METAOPS_CORE_KAFKA_READER_H
#define METAOPS_CORE_KAFKA_READER_H

#include <stdint.h>

#include "err.h"

struct kafka_reader;
struct kafka_record;
struct settings;

/* Nothing is connected before the first record is asked for. FATAL for bad settings. */
MUST_CHECK enum verdict kafka_reader_open(const struct settings *st,
                                          struct kafka_reader **out_reader, struct err *err);

/* As kafka_consumer_record_at, for an offset that lies between the watermarks. */
MUST_CHECK enum verdict kafka_reader_record_at(struct kafka_reader *reader, const char *topic,
                                               int32_t partition, int64_t offset, int timeout_ms,
                                               struct kafka_record *out_record, struct err *err);

/* Fills out_record with views into an rd_kafka_message_t *, which becomes its handle. */
void kafka_reader_view(void *message, struct kafka_record *out_record);

/* Blocks up to about 1 s. NULL is allowed. */
void kafka_reader_close(struct kafka_reader *reader);

#endif
