/* poll_kafka.h - reads predictions that other systems write to Kafka, and publishes them as the door of CloudEvents does.
 *
 * At least once: the offset of a record is committed to the source only when our Kafka has the event, or a dead letter of
 * it, and all records before it. What is read again after a crash has the same identity. Reading waits while
 * poll.in_flight_max or poll.in_flight_bytes_max is reached. A thread of its own. */
#ifndef METAOPS_INGEST_POLL_KAFKA_H
#define METAOPS_INGEST_POLL_KAFKA_H

struct poll_source;

/* Wanted when a topic of any kind is switched on. */
extern const struct poll_source poll_kafka_source;

#endif
