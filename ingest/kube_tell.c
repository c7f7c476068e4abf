#include "ingest/kube_reader_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/log.h"
#include "core/timebase.h"
#include "schemas/cloud_event.h"

bool kube_tell_refuse(struct kube_reader *reader, const char *reason)
{
    if (!kube_reader_wait_for_room(reader)) {
        return false;
    }
    reader->is_short = !kube_outbox_refuse(reader->needs.box, reason);
    return !reader->is_short;
}

void kube_tell_know(struct kube_reader *reader, const struct kube_watch_names *names, int64_t at_us)
{
    bool is_kept = kube_known_put(reader->known, names, at_us);

    if (!is_kept && !reader->is_overfull) {
        log_warn("poll: more than %d %s: which of them vanish while no watch runs is not seen",
                 KUBE_READER_OBJECTS_MAX, reader->needs.resource->name);
    }
    reader->is_overfull = !is_kept;
}

/* When an object was so that says it at that time or, INT64_MIN, at none. */
static int64_t time_or_now(int64_t at_us)
{
    return at_us != INT64_MIN ? at_us : timebase_wall_us();
}

/* Its end sorts behind all that was told of it, whatever the clocks say. */
static int64_t after_all_us(struct kube_reader *reader, struct str uid)
{
    int64_t told_us = kube_known_time(reader->known, uid);

    return told_us != INT64_MIN ? told_us + 1 : INT64_MIN;
}

bool kube_tell_object(struct kube_reader *reader, enum kube_watch_change change,
                      const struct json_value *object)
{
    struct kube_watch_names names;
    struct json_fault fault = {.reason = ""};
    struct err err;
    bool is_end = change == KUBE_WATCH_DELETE;

    if (!kube_reader_wait_for_room(reader)) {
        return false;
    }
    enum verdict verdict =
        kube_watch_names(reader->doc, object, reader->arena, &names, &fault, &err);
    if (verdict == REJECT) {
        return kube_tell_refuse(reader, fault.reason);
    }
    if (verdict != OK || !kube_outbox_put(reader->needs.box, change, json_raw(reader->doc, object),
                                          is_end ? after_all_us(reader, names.uid) : INT64_MIN)) {
        reader->is_short = true;
        return false;
    }
    if (is_end) {
        kube_known_drop(reader->known, names.uid);
    } else {
        kube_tell_know(reader, &names, time_or_now(kube_watch_time(reader->doc, object)));
    }
    return true;
}

static void write_names(FILE *out, const struct kube_watch_names *names)
{
    fputs("{\"metadata\":{\"namespace\":", out);
    cloud_event_write_text(out, names->namespace_);
    fputs(",\"name\":", out);
    cloud_event_write_text(out, names->name);
    fputs(",\"uid\":", out);
    cloud_event_write_text(out, names->uid);
    fputs(",\"resourceVersion\":", out);
    cloud_event_write_text(out, names->revision);
    fputs("}}", out);
}

bool kube_tell_gone(struct kube_reader *reader, const struct kube_watch_names *names)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = kube_reader_wait_for_room(reader) ? open_memstream(&text, &len) : NULL;

    if (!out) {
        return false;
    }
    write_names(out, names);
    bool is_told = fclose(out) == 0 &&
                   kube_outbox_put(reader->needs.box, KUBE_WATCH_DELETE, (struct str){text, len},
                                   after_all_us(reader, names->uid));
    free(text);
    if (is_told) {
        kube_known_drop(reader->known, names->uid);
    } else {
        reader->is_short = true;
    }
    return is_told;
}
