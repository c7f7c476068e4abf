#include "ingest/refusal_sender.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/log.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "ingest/door.h"
#include "ingest/publish.h"
#include "schemas/refusal_report.h"

#define HOST_BYTES 256
#define FLUSH_WAIT_MS 1000
#define FLUSH_STEP_MS 10
/* Most of the JSON of an entry, of what stands around all of them beside the gateway's name, and of
 * the record around that. */
#define ENTRY_BYTES_MAX 192
#define FRAME_BYTES_MAX 256
#define RECORD_BYTES_MAX 1024

/* nothing -> under way -> nothing, or -> again (the same text) -> under way */
enum refusal_sender_state { SENDER_IDLE, SENDER_UNDER_WAY, SENDER_AGAIN };

struct refusal_sender {
    struct publish_record record; /* first: done gets this pointer */
    const struct settings *st;
    struct door *door;
    struct publish *publish;
    char gateway[HOST_BYTES + 256]; /* host and address */
    struct str text;                /* of the report, malloc'd */
    struct refusal_entry *entries;
    size_t entries_max; /* of a report that is not too large to be taken */
    int64_t refusals;   /* that text tells of */
    int64_t due_us;
    atomic_int state;
};

static void refusal_sender_on_done(struct publish_record *record, enum verdict verdict,
                                   int32_t partition, int64_t offset)
{
    struct refusal_sender *sender = (struct refusal_sender *)(void *)record;

    (void)partition;
    (void)offset;
    if (verdict != OK && verdict != RETRY) {
        log_error("Kafka does not take a report of refusals, it is lost refusals=%lld",
                  (long long)sender->refusals);
    }
    atomic_store(&sender->state, verdict == RETRY ? SENDER_AGAIN : SENDER_IDLE);
}

/* Entries that do not fit wait for the next report. */
static size_t refusal_sender_entries_max(const struct settings *st, size_t gateway_bytes)
{
    int64_t room_bytes = st->kafka.message_bytes_max - RECORD_BYTES_MAX;

    if (room_bytes > st->ingest.body_bytes_max) {
        room_bytes = st->ingest.body_bytes_max;
    }
    int64_t entries = (room_bytes - FRAME_BYTES_MAX - (int64_t)gateway_bytes) / ENTRY_BYTES_MAX;
    if (entries > REFUSAL_REPORT_ENTRIES_MAX) {
        return REFUSAL_REPORT_ENTRIES_MAX;
    }
    return entries > 1 ? (size_t)entries : 1;
}

enum verdict refusal_sender_new(const struct settings *st, struct door *door,
                                struct publish *publish, struct refusal_sender **out_sender,
                                struct err *err)
{
    struct refusal_sender *sender = calloc(1, sizeof(*sender));
    char host[HOST_BYTES] = "";

    if (sender) {
        sender->entries = calloc(REFUSAL_REPORT_ENTRIES_MAX, sizeof(*sender->entries));
    }
    if (!sender || !sender->entries) {
        refusal_sender_free(sender);
        return err_set(err, FATAL, "refusal_sender", "out of memory");
    }
    (void)!gethostname(host, sizeof(host) - 1);
    snprintf(sender->gateway, sizeof(sender->gateway), "%s %s", host, st->ingest.listen);
    sender->record.done = refusal_sender_on_done;
    sender->st = st;
    sender->door = door;
    sender->publish = publish;
    sender->entries_max = refusal_sender_entries_max(st, strlen(sender->gateway));
    *out_sender = sender;
    return OK;
}

/* A new report of what was counted; false when there is nothing to tell. */
static bool refusal_sender_write(struct refusal_sender *sender)
{
    size_t count = door_take_refusals(sender->door, sender->entries, sender->entries_max);
    const struct refusal_report report = {.gateway = str_view(sender->gateway),
                                          .entries = sender->entries,
                                          .entry_count = (uint32_t)count};

    free((char *)sender->text.ptr);
    sender->text = (struct str){NULL, 0};
    if (count == 0) {
        return false;
    }
    sender->refusals = 0;
    for (size_t i = 0; i < count; i++) {
        sender->refusals += sender->entries[i].count;
    }
    sender->text = refusal_report_write(&report, timebase_wall_us());
    if (!sender->text.ptr) {
        log_error("out of memory: a report of refusals is lost refusals=%lld",
                  (long long)sender->refusals);
    }
    return sender->text.ptr != NULL;
}

static void refusal_sender_send(struct refusal_sender *sender)
{
    struct err err;
    int state = atomic_load(&sender->state);

    if (state == SENDER_UNDER_WAY || (state == SENDER_IDLE && !refusal_sender_write(sender))) {
        return;
    }
    atomic_store(&sender->state, SENDER_UNDER_WAY);
    switch (publish_control(sender->publish, sender->text, &sender->record, &err)) {
    case OK:
        break; /* done says the rest, or has said it */
    case RETRY:
        log_debug("a report of refusals waits: %s", err.text);
        atomic_store(&sender->state, SENDER_AGAIN);
        break;
    default:
        log_error("a report of refusals cannot be sent, it is lost refusals=%lld: %s",
                  (long long)sender->refusals, err.text);
        atomic_store(&sender->state, SENDER_IDLE);
    }
}

void refusal_sender_turn(struct refusal_sender *sender)
{
    int64_t now_us = timebase_mono_us();

    if (now_us >= sender->due_us) {
        sender->due_us = now_us + sender->st->ingest.refusals_interval_ms * 1000;
        refusal_sender_send(sender);
    }
}

void refusal_sender_flush(struct refusal_sender *sender)
{
    for (int ms = 0; ms < FLUSH_WAIT_MS && atomic_load(&sender->state) == SENDER_UNDER_WAY;
         ms += FLUSH_STEP_MS) {
        timebase_sleep_us(FLUSH_STEP_MS * 1000);
    }
    refusal_sender_send(sender);
}

void refusal_sender_free(struct refusal_sender *sender)
{
    if (!sender) {
        return;
    }
    if (atomic_load(&sender->state) == SENDER_AGAIN) {
        log_warn("the last report of refusals has not reached Kafka: %.*s", (int)sender->text.len,
                 sender->text.ptr);
    }
    free((char *)sender->text.ptr);
    free(sender->entries);
    free(sender);
}
