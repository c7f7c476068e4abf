/* sink_kafka.h - accepted events, each once, as Avro (enriched_event) for others to read, on
 * kafka.topic_enriched.
 *
 * A record goes to the partition that its source record has, under the same key: so the topic needs
 * as many partitions as kafka.topic_events, and at least as many as any other topic that is read;
 * that is checked at the start. Positions and the window of ids for finding duplicates are in the
 * topic itself (kafka_places.h): no database. A worker of its own, with a worker.group of its own.
 *
 * What is promised: an event is there at least once, and once as long as no worker writes on after
 * it has lost a partition (frozen for longer than worker.session_timeout_ms and woken up), no
 * broker is silent for longer than that and then stores what it had been sent, and its copies come
 * within the window, to partitions that this worker reads. Copies of one event always have one event_id: who must be exact, keeps
 * it. */
#ifndef METAOPS_SINKS_SINK_KAFKA_H
#define METAOPS_SINKS_SINK_KAFKA_H

#include "core/flow.h"

extern const struct sink_ops sink_kafka_ops;

#endif
