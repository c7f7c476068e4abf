/* kafka_member.h - how a consumer is set up as a member of its group. Any thread. */
#ifndef METAOPS_CORE_KAFKA_MEMBER_H
#define METAOPS_CORE_KAFKA_MEMBER_H

#include "core/err.h"

struct settings;

/* Of a worker: a new librdkafka configuration, the caller's until it is given away. Verdicts of
 * kafka_client_conf. */
MUST_CHECK enum verdict kafka_member_conf(const struct settings *st, void **out_conf,
                                          struct err *err);

/* Of a reader of other systems' topics: in poll.group, a dynamic member, from the beginning of what the group has
 * committed nothing of. */
MUST_CHECK enum verdict kafka_member_foreign_conf(const struct settings *st, void **out_conf,
                                                  struct err *err);

#endif
