#include "schemas/enriched_event.h"

#include <stdlib.h>

#include "schemas/framing.h"
#include "schemas/wire_reader.h"
#include "schemas/wire_writer.h"

#define WHERE "enriched_event"
#define FINGERPRINT_V1 UINT64_C(0x086b41e2ab16d65d)
#define KINDS 3
#define SOURCES (SOURCE_FILE + 1)

/* Lengths, branches and numbers beside those of the datasets. */
#define NUMBERS_MAX 40

static size_t node_room(const struct enriched_node *node)
{
    return 3 * WIRE_NUMBER_BYTES_MAX + node->namespace_.len + node->name.len;
}

static size_t run_room(const struct enriched_run *run)
{
    return node_room(&run->job) + run->run_id.len;
}

static size_t room_of(const struct enriched_event *ev)
{
    size_t room = WIRE_HEAD_BYTES + NUMBERS_MAX * WIRE_NUMBER_BYTES_MAX +
                  sizeof(ev->event_id.bytes) + ev->event_type.len + ev->producer.len +
                  ev->principal.len + ev->format.len + ev->body.len + ev->source_topic.len;

    room += run_room(&ev->run) + run_room(&ev->parent) + run_room(&ev->root);
    room += node_room(&ev->dataset);
    for (uint32_t i = 0; i < ev->input_count; i++) {
        room += node_room(&ev->inputs[i]);
    }
    for (uint32_t i = 0; i < ev->output_count; i++) {
        room += node_room(&ev->outputs[i]);
    }
    return room;
}

static void write_run(struct wire_writer *wr, const struct enriched_run *run)
{
    wire_writer_number(wr, run->run_id.ptr != NULL);
    if (run->run_id.ptr) {
        wire_writer_bytes(wr, run->run_id);
        wire_writer_nullable_bytes(wr, run->job.namespace_);
        wire_writer_nullable_bytes(wr, run->job.name);
    }
}

static void write_node(struct wire_writer *wr, const struct enriched_node *node)
{
    wire_writer_bytes(wr, node->namespace_);
    wire_writer_bytes(wr, node->name);
}

/* One block, then the empty one that ends an array. */
static void write_nodes(struct wire_writer *wr, const struct enriched_node *nodes, uint32_t count)
{
    if (count) {
        wire_writer_number(wr, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        write_node(wr, &nodes[i]);
    }
    wire_writer_number(wr, 0);
}

static void write_event(struct wire_writer *wr, const struct enriched_event *ev)
{
    wire_writer_head(wr, FINGERPRINT_V1);
    wire_writer_raw(wr, ev->event_id.bytes, sizeof(ev->event_id.bytes));
    wire_writer_number(wr, ev->event_time_us);
    wire_writer_number(wr, ev->received_at_us);
    wire_writer_number(wr, ev->kind - 1); /* kinds count from 1, symbols from 0 */
    wire_writer_nullable_bytes(wr, ev->event_type);
    wire_writer_nullable_bytes(wr, ev->run.run_id);
    wire_writer_nullable_bytes(wr, ev->run.job.namespace_);
    wire_writer_nullable_bytes(wr, ev->run.job.name);
    write_run(wr, &ev->parent);
    write_run(wr, &ev->root);
    wire_writer_number(wr, ev->dataset.name.ptr != NULL);
    if (ev->dataset.name.ptr) {
        write_node(wr, &ev->dataset);
    }
    write_nodes(wr, ev->inputs, ev->input_count);
    write_nodes(wr, ev->outputs, ev->output_count);
    wire_writer_nullable_bytes(wr, ev->producer);
    wire_writer_number(wr, ev->source);
    wire_writer_nullable_bytes(wr, ev->principal);
    wire_writer_number(wr, ev->redactions);
    wire_writer_bytes(wr, ev->format);
    wire_writer_bytes(wr, ev->body);
    wire_writer_bytes(wr, ev->source_topic);
    wire_writer_number(wr, ev->source_partition);
    wire_writer_number(wr, ev->source_offset);
    wire_writer_number(wr, ev->source_resume_offset);
}

enum verdict enriched_event_encode(struct framing *framing, const struct enriched_event *ev,
                                   void **out_bytes, size_t *out_len, struct err *err)
{
    size_t room = room_of(ev);
    uint8_t *bytes = malloc(room);

    if (!bytes) {
        return err_set(err, RETRY, WHERE, "no memory for a record of %zu bytes", room);
    }
    struct wire_writer wr = {.pos = bytes, .end = bytes + room};
    write_event(&wr, ev);
    size_t len = (size_t)(wr.pos - bytes);
    enum verdict verdict = framing_write(framing, bytes, &len, err);
    if (verdict != OK) {
        free(bytes);
        return verdict;
    }
    *out_bytes = bytes;
    *out_len = len;
    return OK;
}

static void skip_run(struct wire_reader *rd, const char *field)
{
    if (wire_reader_index(rd, field, 2) == 1) {
        wire_reader_text(rd, field);
        wire_reader_nullable_text(rd, field);
        wire_reader_nullable_text(rd, field);
    }
}

static void skip_node(struct wire_reader *rd, const char *field)
{
    wire_reader_text(rd, field);
    wire_reader_text(rd, field);
}

/* Blocks end with an empty one; a negative count is followed by the block's bytes. A fault ends the
 * loop, because from then on everything reads as zero. */
static void skip_nodes(struct wire_reader *rd, const char *field)
{
    int64_t count;

    while ((count = wire_reader_long(rd, field)) != 0) {
        if (count < 0) {
            count = count == INT64_MIN ? 0 : -count;
            wire_reader_long(rd, field);
        }
        for (int64_t i = 0; i < count && !rd->fault; i++) {
            skip_node(rd, field);
        }
    }
}

static void read_place(struct wire_reader *rd, struct enriched_place *place)
{
    wire_reader_fixed(rd, "event_id", place->event_id.bytes, sizeof(place->event_id.bytes));
    wire_reader_long(rd, "event_time_us");
    wire_reader_long(rd, "received_at_us");
    wire_reader_index(rd, "kind", KINDS);
    wire_reader_nullable_text(rd, "event_type");
    wire_reader_nullable_text(rd, "run_id");
    wire_reader_nullable_text(rd, "job_namespace");
    wire_reader_nullable_text(rd, "job_name");
    skip_run(rd, "parent");
    skip_run(rd, "root");
    if (wire_reader_index(rd, "dataset", 2) == 1) {
        skip_node(rd, "dataset");
    }
    skip_nodes(rd, "inputs");
    skip_nodes(rd, "outputs");
    wire_reader_nullable_text(rd, "producer");
    wire_reader_index(rd, "source", SOURCES);
    wire_reader_nullable_text(rd, "principal");
    wire_reader_int(rd, "redactions");
    wire_reader_text(rd, "format");
    wire_reader_bytes(rd, "body"); /* text, but nothing here looks into it */
    place->source_topic = wire_reader_text(rd, "source_topic");
    place->source_partition = wire_reader_int(rd, "source_partition");
    place->source_offset = wire_reader_long(rd, "source_offset");
    place->source_resume_offset = wire_reader_long(rd, "source_resume_offset");
}

enum verdict enriched_event_place(struct framing *framing, struct str bytes,
                                  struct enriched_place *out_place, struct err *err)
{
    struct enriched_place place = {.source_offset = 0};
    struct wire_reader rd;
    uint64_t fingerprint;
    size_t head_bytes;

    enum verdict verdict = framing_read(framing, bytes, &fingerprint, &head_bytes, err);
    if (verdict != OK) {
        return verdict;
    }
    if (fingerprint != FINGERPRINT_V1) {
        return err_set(err, REJECT, WHERE, "no enriched event of a known schema");
    }
    wire_reader_init(&rd, bytes, head_bytes);
    read_place(&rd, &place);
    verdict = wire_reader_finish(&rd, WHERE, err);
    if (verdict == OK) {
        *out_place = place;
    }
    return verdict;
}
