#include "sink_null.h"

/* Nothing to keep: any address does. */
static char only_sink;

enum verdict sink_null_open(const struct settings *st, const char *cluster_id, int lane,
                            struct sink **out_sink, struct err *err)
{
    (void)st;
    (void)cluster_id;
    (void)lane;
    (void)err;
    *out_sink = (struct sink *)&only_sink;
    return OK;
}

static enum sink_result write_null(struct sink *sink, struct graph_batch *rows, uint32_t *out_event,
                                   struct err *err)
{
    (void)sink;
    (void)rows;
    (void)out_event;
    (void)err;
    return SINK_STORED;
}

enum verdict sink_null_load(struct sink *sink, struct sink_position *positions, size_t count,
                            struct err *err)
{
    (void)sink;
    (void)positions;
    (void)count;
    (void)err;
    return OK;
}

enum verdict sink_null_save(struct sink *sink, const struct sink_position *position,
                            const char *reason, struct err *err)
{
    (void)sink;
    (void)position;
    (void)reason;
    (void)err;
    return OK;
}

void sink_null_close(struct sink *sink)
{
    (void)sink;
}

const struct sink_ops sink_null_ops = {.name = "null",
                                       .open = sink_null_open,
                                       .write = write_null,
                                       .load = sink_null_load,
                                       .save = sink_null_save,
                                       .close = sink_null_close};
