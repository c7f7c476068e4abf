/* kafka_consumer.h - reads records of assigned partitions, one by one, from offsets that the
 * caller names.
 *
 * Eager range assignment with static membership, single poll (the batch calls and cooperative
 * assignment of librdkafka 2.0.2 lose or misplace records). One thread owns a consumer; callbacks
 * run on it, inside kafka_consumer_poll, and may use the consumer except for poll and close.
 * Nothing is committed automatically.
 *
 * Pausing drops what was fetched ahead of the partition (resume fetches it again): pause for longer
 * waits only. Every record must be freed before close. */
#ifndef METAOPS_CORE_KAFKA_CONSUMER_H
#define METAOPS_CORE_KAFKA_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "str.h"

struct kafka_consumer;
struct settings;

struct kafka_partition {
    const char *topic; /* valid during the call that passes it */
    int32_t partition;
    int64_t offset; /* where to read next */
};

/* One record. Views into the library's memory: valid until kafka_record_free. */
struct kafka_record {
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* -1 when there is none */
    struct str key;
    struct str value;
    void *handle;
};

struct kafka_consumer_callbacks {
    void *arg;
    /* Partitions were given: fill in `offset` of each (it comes as -1) and return how many at the
     * front of the array to read; the rest, moved behind, stays assigned but paused: seek and
     * resume take one of them up later. */
    size_t (*on_assign)(void *arg, struct kafka_partition *partitions, size_t count);
    /* Partitions are taken away: forget what is in memory of them. lost: somebody else may own
     * them already. */
    void (*on_revoke)(void *arg, const struct kafka_partition *partitions, size_t count, bool lost);
};

/* Joins group worker.group with worker.instance_id as static member (empty: dynamic), subscribed
 * to topics (NULL-ended; a name that begins with ^ is a regex). st and topics must outlive the
 * consumer. FATAL for bad settings.
 *
 * A member that joins with the instance id of a living one takes its place, and the older is
 * fenced: the broker cannot tell a restart from a mistake. */
MUST_CHECK enum verdict kafka_consumer_open(const struct settings *st, const char *const *topics,
                                            const struct kafka_consumer_callbacks *callbacks,
                                            struct kafka_consumer **out_consumer, struct err *err);

/* For on_assign of a foreign consumer: read from where the group has committed. */
#define KAFKA_OFFSET_COMMITTED (-1000)

/* The same for topics of other systems, as a dynamic member of poll.group: here the group's offsets
 * count, and without one, or out of range, a partition is read from its beginning. */
MUST_CHECK enum verdict
kafka_consumer_open_foreign(const struct settings *st, const char *const *topics,
                            const struct kafka_consumer_callbacks *callbacks,
                            struct kafka_consumer **out_consumer, struct err *err);

/* Waits up to timeout_ms for a record. OK with out_record->handle set, or NULL when there was none.
 * RETRY for passing errors of the library (worth a debug line). REJECT when the position of a
 * partition is out of range: its topic and partition are in out_record until the next call, nothing
 * more comes of it until a seek, its neighbours go on. A fenced member joins anew, with on_revoke
 * (lost) first, and waits up to a second before; FATAL when one that the group counted on is fenced twice
 * within a minute, for then another worker has the same instance id, or when the client is broken. */
MUST_CHECK enum verdict kafka_consumer_poll(struct kafka_consumer *consumer, int timeout_ms,
                                            struct kafka_record *out_record, struct err *err);

/* Gives a record's memory back. NULL handle allowed. */
void kafka_record_free(struct kafka_record *record);

/* Header number index of a record, as views like the rest of it; false when it has no more. A name
 * may come several times. */
bool kafka_record_header(const struct kafka_record *record, size_t index, struct str *out_name,
                         struct str *out_value);

/* Pause or resume partitions of the assignment; unknown ones are ignored. */
void kafka_consumer_pause(struct kafka_consumer *consumer, const struct kafka_partition *partitions,
                          size_t count);
void kafka_consumer_resume(struct kafka_consumer *consumer,
                           const struct kafka_partition *partitions, size_t count);

/* Continue one assigned partition at offset: what was fetched before is dropped. A paused one stays
 * paused. Blocks shortly. RETRY when the partition is not assigned. */
MUST_CHECK enum verdict kafka_consumer_seek(struct kafka_consumer *consumer,
                                            const struct kafka_partition *partition,
                                            struct err *err);

/* Sets the group's offset, for lag displays and foreign consumers; does not wait for the answer. False while
 * there is none to the last one: nothing is done then. */
bool kafka_consumer_commit(struct kafka_consumer *consumer,
                           const struct kafka_partition *partitions, size_t count);

/* First and next offset of a partition, asked of the broker. Blocks up to timeout_ms. */
MUST_CHECK enum verdict kafka_consumer_watermarks(struct kafka_consumer *consumer,
                                                  const char *topic, int32_t partition,
                                                  int timeout_ms, int64_t *out_low,
                                                  int64_t *out_high, struct err *err);

/* As above from what the last fetch said: no network; false when unknown. */
bool kafka_consumer_high_watermark(struct kafka_consumer *consumer, const char *topic,
                                   int32_t partition, int64_t *out_high);

/* Reads the single record at an offset with a reader of its own: neither the group nor the stream
 * notices. OK with the record (kafka_record_free), or OK with handle NULL when there is none at
 * that offset. Blocks up to twice timeout_ms. */
MUST_CHECK enum verdict kafka_consumer_record_at(struct kafka_consumer *consumer, const char *topic,
                                                 int32_t partition, int64_t offset, int timeout_ms,
                                                 struct kafka_record *out_record, struct err *err);

/* The cluster's id, into 64 bytes. Blocks up to timeout_ms. */
MUST_CHECK enum verdict kafka_consumer_cluster_id(struct kafka_consumer *consumer, int timeout_ms,
                                                  char *out_id, struct err *err);

/* Leaves the group, static members too, so that the others take over within about a second instead
 * of worker.session_timeout_ms, and frees. on_revoke is not called any more. Blocks up to about 6
 * s. NULL is allowed. */
void kafka_consumer_close(struct kafka_consumer *consumer);

#endif
