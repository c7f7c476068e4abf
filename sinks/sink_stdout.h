/* sink_stdout.h - a sink for trying out: a line per event (id, time, type, run, statement) on standard
 * output. Positions are not kept: it reads from the beginning after each start. */
#ifndef METAOPS_SINKS_SINK_STDOUT_H
#define METAOPS_SINKS_SINK_STDOUT_H

#include "core/flow.h"

extern const struct sink_ops sink_stdout_ops;

#endif
