/* kafka_topic.h - what the cluster has set for a topic. Any thread. */
#ifndef METAOPS_CORE_KAFKA_TOPIC_H
#define METAOPS_CORE_KAFKA_TOPIC_H

#include "err.h"

struct settings;

/* A whole number among the topic's own properties, such as max.message.bytes or retention.ms. Blocks up to
 * timeout_ms, and up to 2 s more to disconnect. RETRY when the cluster does not answer, else the verdict of its
 * error. */
MUST_CHECK enum verdict kafka_topic_number(const struct settings *st, const char *topic,
                                           const char *property, int timeout_ms, long *out_value,
                                           struct err *err);

#endif
