/* kafka_client.h - what producer and consumer share: settings to librdkafka configuration.
 *
 * Only core/kafka_*.c include librdkafka. */
#ifndef METAOPS_CORE_KAFKA_CLIENT_H
#define METAOPS_CORE_KAFKA_CLIENT_H

#include <stdbool.h>

#include "err.h"

struct settings;

enum kafka_role { KAFKA_PRODUCER, KAFKA_CONSUMER };

struct kafka_property {
    const char *name;
    const char *value;
};

/* A librdkafka configuration (rd_kafka_conf_t *, untyped here) from kafka.brokers, client.id, the
 * given properties (ended by a NULL name) and then the user's rdkafka.* and rdkafka.producer.* or
 * rdkafka.consumer.*. Properties our guarantees rest on are refused from the user with the reason:
 * FATAL; the list stands in kafka_client.c. Log lines of the library go to our log. */
MUST_CHECK enum verdict kafka_client_conf(const struct settings *st, enum kafka_role role,
                                          const struct kafka_property *properties, void **out_conf,
                                          struct err *err);

/* The decision for a librdkafka error code: one table. */
enum verdict kafka_client_verdict(int code);

/* Fills err with `what: the library's text` and the code. Returns the verdict of the code. */
enum verdict kafka_client_fail(struct err *err, int code, const char *what);

/* An rd_kafka_t * for questions and admin requests, with the properties of that role. The caller destroys it with
 * kafka_client_destroy. FATAL for bad settings. */
MUST_CHECK enum verdict kafka_client_open(const struct settings *st, enum kafka_role role,
                                          void **out_handle, struct err *err);

/* Ends the wait of the thread that reads queue, an rd_kafka_queue_t * which this destroys. The library waits by the
 * wall clock: set back meanwhile, it would sleep for as long. NULL is allowed. */
void kafka_client_wake(void *queue);

/* Destroys an rd_kafka_t *. The library can hang in it for ever, so this waits timeout_ms at most;
 * then false, and the handle is left to a thread of its own. NULL is allowed. */
bool kafka_client_destroy(void *handle, int timeout_ms);

/* The cluster's id, asked through an rd_kafka_t *, into 64 bytes. Blocks up to timeout_ms. OK or
 * RETRY. */
MUST_CHECK enum verdict kafka_client_cluster_id(void *handle, int timeout_ms, char *out_id,
                                                struct err *err);

/* Creates the topic when it is not there; partitions are added when it has fewer (never removed).
 * *out_created says which: 1 created, 2 partitions added, 0 as it was. Returns when the brokers
 * show it; RETRY after at most about 40 s, or when somebody else made it meanwhile. */
struct kafka_topic_spec {
    const char *name;
    int partitions;
    int replication_factor;
    int min_insync_replicas;
    long message_bytes_max;
    bool is_kept; /* for ever: retention.ms=-1; else as the cluster says */
};
MUST_CHECK enum verdict kafka_client_ensure_topic(const struct settings *st,
                                                  const struct kafka_topic_spec *spec,
                                                  int *out_created, struct err *err);

/* The id of the cluster, into 64 bytes, asked with the properties of that role and about no topic. Blocks up to
 * timeout_ms. OK, RETRY, or FATAL for bad settings. */
MUST_CHECK enum verdict kafka_client_reach(const struct settings *st, enum kafka_role role,
                                           int timeout_ms, char *out_id, struct err *err);

/* What the cluster says: id and the number of partitions of topic (-1 when it is not there).
 * Blocks up to timeout_ms. cluster_id holds 64 bytes. */
MUST_CHECK enum verdict kafka_client_describe(const struct settings *st, const char *topic,
                                              int timeout_ms, char *cluster_id, int *out_partitions,
                                              struct err *err);

#endif
