/* kafka_topic.h - what the cluster has set for a topic. Any thread. */
#ifndef METAOPS_CORE_KAFKA_TOPIC_H
#define METAOPS_CORE_KAFKA_TOPIC_H

#include "err.h"

struct settings;

/* The topic's max.message.bytes. Blocks up to timeout_ms, and up to 2 s more to disconnect. RETRY
 * when the cluster does not answer, else the verdict of its error. */
MUST_CHECK enum verdict kafka_topic_message_bytes(const struct settings *st, const char *topic,
                                                  int timeout_ms, long *out_bytes_max,
                                                  struct err *err);

#endif
