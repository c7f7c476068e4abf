/* sink_null.h - a sink that forgets: for measuring what comes before it. Positions are not kept: it reads from the
 * beginning after each start. */
#ifndef METAOPS_SINKS_SINK_NULL_H
#define METAOPS_SINKS_SINK_NULL_H

#include "core/flow.h"

extern const struct sink_ops sink_null_ops;

/* What any sink without a store does for these; see struct sink_ops. */
enum verdict sink_null_open(const struct settings *st, const char *cluster_id, int lane,
                            struct sink **out_sink, struct err *err);
enum verdict sink_null_load(struct sink *sink, struct sink_position *positions, size_t count,
                            struct err *err);
enum verdict sink_null_save(struct sink *sink, const struct sink_position *position,
                            const char *reason, struct err *err);
void sink_null_close(struct sink *sink);

#endif
