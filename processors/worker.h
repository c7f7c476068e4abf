/* worker.h - the role `metaops worker`: a member of the Kafka consumer group that stores events.
 *
 * The calling thread becomes the consumer thread of core/flow.h. */
#ifndef METAOPS_PROCESSORS_WORKER_H
#define METAOPS_PROCESSORS_WORKER_H

#include "core/flow.h"

struct settings;

/* Runs until SIGTERM or SIGINT, then stores what is in flight and leaves. Returns an exit code. */
int worker_run(const struct settings *st, const struct sink_ops *sink);

#endif
