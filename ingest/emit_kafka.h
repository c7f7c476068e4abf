/* emit_kafka.h - sends the events of an emit_job straight to Kafka as Avro: judged first as the
 * gateway would, then keyed and encoded as it does. */
#ifndef METAOPS_INGEST_EMIT_KAFKA_H
#define METAOPS_INGEST_EMIT_KAFKA_H

#include "emit_options.h"

/* Blocks until every event has a result in the report. OK when all input was read; RETRY when the
 * brokers stayed away and the rest was not read; FATAL for input that cannot be read, wrong
 * settings, short memory. */
MUST_CHECK enum verdict emit_kafka_run(struct emit_job *job, struct err *err);

#endif
