#include "sink_stdout.h"

#include <stdio.h>

#include "core/timebase.h"
#include "schemas/graph_rows.h"
#include "sink_null.h"

static void print_event(const struct graph_event *event)
{
    char id[ID128_TEXT_BYTES];
    char run[ID128_TEXT_BYTES];
    char statement[ID128_TEXT_BYTES];
    char when[32];
    id128_format(event->id, id);
    id128_format(event->run, run);
    id128_format(event->statement, statement);
    timebase_format(event->event_time_us, when);
    printf("%s %s type=%.*s run=%s statement=%s partition=%d offset=%lld\n", id, when,
           (int)event->event_type.len, event->event_type.len ? event->event_type.ptr : "",
           event->has_run ? run : "-", statement, event->partition, (long long)event->kafka_offset);
}

static enum sink_result write_stdout(struct sink *sink, struct graph_batch *rows,
                                     uint32_t *out_event, struct err *err)
{
    (void)sink;
    (void)out_event;
    for (size_t i = 0; i < rows->events.count; i++) {
        print_event(&rows->events.items[i]);
    }
    for (size_t i = 0; i < rows->letters.count; i++) {
        printf("dead letter: %s\n", rows->letters.items[i].reason.ptr);
    }
    if (fflush(stdout) != 0) {
        err_set(err, FATAL, "sink_stdout", "standard output is closed");
        return SINK_STOP;
    }
    return SINK_STORED;
}

const struct sink_ops sink_stdout_ops = {.name = "stdout",
                                         .open = sink_null_open,
                                         .write = write_stdout,
                                         .load = sink_null_load,
                                         .save = sink_null_save,
                                         .close = sink_null_close};
