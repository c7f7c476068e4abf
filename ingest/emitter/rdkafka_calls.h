/* rdkafka_calls.h - librdkafka, loaded when the first emitter wants Kafka: programs that ship by
 * HTTP need not have it, nor pay for it. */
#ifndef METAOPS_INGEST_EMITTER_RDKAFKA_CALLS_H
#define METAOPS_INGEST_EMITTER_RDKAFKA_CALLS_H

#include <librdkafka/rdkafka.h>

#include "core/err.h"

#define RDKAFKA_CALLS(X)                                                                           \
    X(conf_destroy)                                                                                \
    X(conf_new)                                                                                    \
    X(conf_set)                                                                                    \
    X(conf_set_dr_msg_cb)                                                                          \
    X(conf_set_error_cb)                                                                           \
    X(conf_set_log_cb)                                                                             \
    X(conf_set_opaque)                                                                             \
    X(destroy_flags)                                                                               \
    X(err2str)                                                                                     \
    X(fatal_error)                                                                                 \
    X(message_status)                                                                              \
    X(new)                                                                                         \
    X(poll)                                                                                        \
    X(produce)                                                                                     \
    X(purge)                                                                                       \
    X(topic_destroy)                                                                               \
    X(topic_new)

struct rdkafka_calls {
#define RDKAFKA_CALLS_MEMBER(name) __typeof__(rd_kafka_##name) *name;
    RDKAFKA_CALLS(RDKAFKA_CALLS_MEMBER)
#undef RDKAFKA_CALLS_MEMBER
};

/* Fills out_calls. RETRY with the reason when the library is not there or too old. */
MUST_CHECK enum verdict rdkafka_calls_load(struct rdkafka_calls *out_calls, struct err *err);

#endif
