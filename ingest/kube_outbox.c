#include "ingest/kube_outbox.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/log.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "ingest/door.h"
#include "ingest/kube_resource.h"
#include "ingest/poll_places.h"
#include "ingest/poll_source.h"
#include "ingest/publish.h"
#include "schemas/unread_record.h"

#define AGAIN_US 200000
#define SOURCE_BYTES 384

/* States as those of poll_places.h; the text of the object lies behind it. */
struct slot {
    struct publish_record record; /* first: its callback gets this pointer */
    struct slot *next;
    atomic_int state;
    enum kube_watch_change change;
    int64_t told_us;
    char reason[160]; /* of a dead letter; empty: it is an event */
    size_t len;
    char text[];
};

struct kube_outbox {
    const struct settings *st;
    struct publish *publish;
    const struct kube_resource *resource;
    struct json_doc *doc;
    struct visitor visitor;
    struct slot *first;
    struct slot **end; /* where the next one is put */
    atomic_size_t count;
    atomic_size_t bytes;
    size_t slots_max;
    size_t bytes_max;
    int64_t again_us; /* when it is sent again next */
};

struct kube_outbox *kube_outbox_new(const struct settings *st, struct publish *publish,
                                    const struct kube_resource *resource, size_t slots_max,
                                    size_t bytes_max)
{
    struct kube_outbox *box = calloc(1, sizeof(*box));

    if (!box) {
        return NULL;
    }
    box->st = st;
    box->publish = publish;
    box->end = &box->first;
    box->resource = resource;
    box->slots_max = slots_max;
    box->bytes_max = bytes_max;
    snprintf(box->visitor.principal, sizeof(box->visitor.principal), "%s", POLL_PRINCIPAL);
    box->doc =
        json_doc_new((uint32_t)st->ingest.json_depth_max, (uint32_t)st->ingest.json_values_max);
    if (!box->doc) {
        kube_outbox_free(box);
        return NULL;
    }
    return box;
}

bool kube_outbox_has_room(const struct kube_outbox *box)
{
    return box->count == 0 || (box->count < box->slots_max && box->bytes < box->bytes_max);
}

/* On the producer's thread; the slot is the outbox's afterwards. */
static void on_done(struct publish_record *record, enum verdict verdict, int32_t partition,
                    int64_t offset)
{
    struct slot *slot = (struct slot *)(void *)record;

    (void)partition;
    (void)offset;
    if (verdict == OK) {
        metrics_inc(*slot->reason ? METRIC_POLL_DEAD_LETTERS : METRIC_POLL_PUBLISHED);
    }
    atomic_store(&slot->state, verdict == OK       ? SLOT_IS_DONE
                               : verdict == REJECT ? SLOT_REFUSED
                                                   : SLOT_FAILED);
}

static void lose(struct kube_outbox *box, struct slot *slot, const char *reason)
{
    log_error("poll: an event of a watch is lost resource=%s: %s", box->resource->name, reason);
    metrics_inc(METRIC_POLL_LOST);
    atomic_store(&slot->state, SLOT_IS_DONE);
}

static void send_letter(struct kube_outbox *box, struct slot *slot)
{
    char source[SOURCE_BYTES];

    snprintf(source, sizeof(source), "kubernetes:%s/%s", box->st->poll.kubernetes_cluster,
             box->resource->name);
    const struct unread_record unread = {.topic = str_view(source),
                                         .partition = 0,
                                         .offset = 0,
                                         .timestamp_ms = slot->told_us / 1000,
                                         .reason = str_view(slot->reason),
                                         .json_pointer = STR(""),
                                         .byte_offset = -1,
                                         .value = STR("")};
    struct err err;

    atomic_store(&slot->state, SLOT_IS_SENT);
    enum verdict verdict = publish_unread(box->publish, &unread, &slot->record, &err);
    if (verdict == REJECT || verdict == FATAL) {
        lose(box, slot, err.text);
    } else if (verdict != OK) {
        atomic_store(&slot->state, SLOT_WAITS);
    }
}

static void become_letter(struct kube_outbox *box, struct slot *slot, const char *reason)
{
    snprintf(slot->reason, sizeof(slot->reason), "%s", reason);
    log_warn("poll: an event of a watch cannot be used resource=%s: %s", box->resource->name,
             reason);
    send_letter(box, slot);
}

static void send_event(struct kube_outbox *box, struct slot *slot)
{
    struct publish_refusal refusal = {0};
    struct json_fault fault = {.reason = ""};
    struct err err;
    enum verdict verdict = json_parse(box->doc, (struct str){slot->text, slot->len}, &fault, &err);

    if (verdict != OK) {
        if (verdict == REJECT) {
            become_letter(box, slot, fault.reason);
        }
        return; /* else it waits */
    }
    const struct kube_watch_source source = {
        .cluster = str_view(box->st->poll.kubernetes_cluster),
        .group = str_view(box->resource->group),
        .version = str_view(box->resource->version),
        .resource = str_view(box->resource->name),
        .kind = str_view(box->resource->kind),
        .change = slot->change,
        .doc = box->doc,
        .object = json_root(box->doc),
        .now_us = slot->told_us,
    };
    atomic_store(&slot->state, SLOT_IS_SENT);
    if (publish_watch(box->publish, &box->visitor, &source, &slot->record, &refusal)) {
        return;
    }
    atomic_store(&slot->state, SLOT_WAITS);
    if (refusal.status != 503) {
        become_letter(box, slot, refusal.place.reason);
    }
}

static struct slot *add(struct kube_outbox *box, struct str text)
{
    struct slot *slot = calloc(1, sizeof(*slot) + text.len + JSON_PADDING_BYTES);

    if (!slot) {
        return NULL;
    }
    slot->record.done = on_done;
    slot->told_us = timebase_wall_us();
    slot->len = text.len;
    memcpy(slot->text, text.ptr, text.len);
    atomic_init(&slot->state, SLOT_WAITS);
    *box->end = slot;
    box->end = &slot->next;
    box->count++;
    box->bytes += text.len;
    return slot;
}

bool kube_outbox_put(struct kube_outbox *box, enum kube_watch_change change, struct str object,
                     int64_t not_before_us)
{
    struct slot *slot = add(box, object);

    if (!slot) {
        return false;
    }
    slot->change = change;
    slot->told_us = slot->told_us > not_before_us ? slot->told_us : not_before_us;
    send_event(box, slot);
    return true;
}

bool kube_outbox_refuse(struct kube_outbox *box, const char *reason)
{
    struct slot *slot = add(box, STR(""));

    if (!slot) {
        return false;
    }
    become_letter(box, slot, reason);
    return true;
}

static void let_go(struct kube_outbox *box)
{
    struct slot **at = &box->first;

    while (*at) {
        struct slot *slot = *at;
        if (atomic_load(&slot->state) == SLOT_IS_DONE) {
            *at = slot->next;
            box->count--;
            box->bytes -= slot->len;
            free(slot);
        } else {
            at = &slot->next;
        }
    }
    box->end = at;
}

static void send_again(struct kube_outbox *box, struct slot *slot)
{
    int state = atomic_load(&slot->state);

    if (state == SLOT_REFUSED && *slot->reason) {
        lose(box, slot, "Kafka refuses its dead letter");
    } else if (state == SLOT_REFUSED) {
        become_letter(box, slot, "the event is larger than Kafka takes");
    } else if (state == SLOT_WAITS || state == SLOT_FAILED) {
        metrics_inc(METRIC_POLL_RETRIES);
        if (*slot->reason) {
            send_letter(box, slot);
        } else {
            send_event(box, slot);
        }
    }
}

void kube_outbox_turn(struct kube_outbox *box)
{
    int64_t now_us = timebase_mono_us();

    let_go(box);
    if (now_us < box->again_us) {
        return;
    }
    box->again_us = now_us + AGAIN_US;
    for (struct slot *slot = box->first; slot; slot = slot->next) {
        send_again(box, slot);
    }
}

size_t kube_outbox_count(const struct kube_outbox *box)
{
    return box->count;
}

size_t kube_outbox_bytes(const struct kube_outbox *box)
{
    return box->bytes;
}

void kube_outbox_free(struct kube_outbox *box)
{
    while (box && box->first) {
        struct slot *slot = box->first;
        box->first = slot->next;
        free(slot);
    }
    if (box) {
        json_doc_free(box->doc);
    }
    free(box);
}
