/* Our codec against avro-c with the embedded schemas: each reads what the other writes, and the
 * bytes are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <avro.h>
#include <cmocka.h>
#include <zstd.h>

#include "schemas/dead_letter.h"
#include "schemas/embedded.h"
#include "schemas/event_codec.h"

#define HEAD_BYTES 10
#define BODY_MAX ((size_t)2 * 1024 * 1024)
#define EVENTS 400

struct fixture {
    struct event_codec *codec;
    struct arena *arena;
    avro_schema_t schema;
    avro_value_iface_t *iface;
    char *bodies;
    char *buffer;
    uint64_t seed;
    struct lineage_gap gaps[LINEAGE_EVENT_GAPS_MAX];
};

static avro_schema_t embedded_schema(const char *name)
{
    struct str text = embedded_text(schemas_files, name);
    avro_schema_t schema = NULL;

    assert_int_equal(avro_schema_from_json_length(text.ptr, text.len, &schema), 0);
    return schema;
}

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof(*fx));

    if (!fx) {
        return -1;
    }
    fx->codec = event_codec_new(BODY_MAX);
    fx->arena = arena_new(4 * BODY_MAX);
    fx->schema = embedded_schema("avro/lineage_event.v2.avsc");
    fx->iface = avro_generic_class_from_schema(fx->schema);
    fx->bodies = malloc(BODY_MAX);
    fx->buffer = malloc(2 * BODY_MAX);
    fx->seed = 20261123;
    *state = fx;
    return fx->codec && fx->arena && fx->iface && fx->bodies && fx->buffer ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    avro_value_iface_decref(fx->iface);
    avro_schema_decref(fx->schema);
    event_codec_free(fx->codec);
    arena_free(fx->arena);
    free(fx->bodies);
    free(fx->buffer);
    free(fx);
    return 0;
}

static uint64_t draw(struct fixture *fx, uint64_t below)
{
    fx->seed = fx->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (fx->seed >> 33) % below;
}

static struct str draw_text(struct fixture *fx)
{
    static const struct str texts[] = {
        {"", 0},
        {"key-7", 5},
        {"stra\xC3\x9F"
         "e \xF0\x9F\x98\x80",
         12},
        {"\0\0", 2},
        {"CN=spark,O=Example Ltd", 22},
    };
    uint64_t n = draw(fx, 7);

    return n < 5 ? texts[n] : (struct str){NULL, 0};
}

/* Every twentieth body has 1 MB; half of the others are below the size that is compressed. */
static struct lineage_event draw_event(struct fixture *fx, int index)
{
    static const int64_t numbers[] = {0, -1, 1, 63, -64, 64, INT64_MAX, INT64_MIN, INT32_MAX};
    size_t len = index % 20 == 19 ? 1 << 20 : draw(fx, draw(fx, 2) ? 256 : 20000);
    uint64_t alphabet = draw(fx, 2) ? 4 : 256;

    for (size_t i = 0; i < len; i++) {
        fx->bodies[i] = (char)draw(fx, alphabet);
    }
    struct lineage_event ev = {
        .received_at_us = (int64_t)draw(fx, 1u << 30) * 2000000 - 62135596800000000,
        .source = (enum lineage_source)draw(fx, 4),
        .principal = draw_text(fx),
        .emitter_id = draw_text(fx),
        .redactions = (int32_t)draw(fx, 3) * (INT32_MAX / 2),
        .idempotency_key = draw_text(fx),
        .body = {fx->bodies, len},
    };
    if (ev.emitter_id.ptr) {
        ev.emitter_epoch = numbers[draw(fx, 9)];
        ev.emitter_sequence = numbers[draw(fx, 9)];
    }
    ev.gaps = fx->gaps;
    ev.gap_count = (uint32_t)(draw(fx, 3) ? 0 : draw(fx, LINEAGE_EVENT_GAPS_MAX + 1));
    for (uint32_t i = 0; i < ev.gap_count; i++) {
        fx->gaps[i] = (struct lineage_gap){.from_seq = numbers[draw(fx, 9)],
                                           .to_seq = numbers[draw(fx, 9)],
                                           .reason = draw_text(fx)};
        fx->gaps[i].reason = fx->gaps[i].reason.ptr ? fx->gaps[i].reason : STR("");
    }
    ev.event_id = lineage_event_id(ev.body);
    return ev;
}

static avro_value_t field(const avro_value_t *record, const char *name)
{
    avro_value_t value;

    assert_int_equal(avro_value_get_by_name(record, name, &value, NULL), 0);
    return value;
}

static avro_value_t set_branch(const avro_value_t *record, const char *name, bool is_present)
{
    avro_value_t value = field(record, name);
    avro_value_t branch;

    assert_int_equal(avro_value_set_branch(&value, is_present, &branch), 0);
    if (!is_present) {
        assert_int_equal(avro_value_set_null(&branch), 0);
    }
    return branch;
}

static void set_text(avro_value_t value, struct str text)
{
    /* avro-c counts a NUL behind the text. */
    char *copy = calloc(1, text.len + 1);

    assert_non_null(copy);
    if (text.len) {
        memcpy(copy, text.ptr, text.len);
    }
    assert_int_equal(avro_value_set_string_len(&value, copy, text.len + 1), 0);
    free(copy);
}

static void set_nullable_text(const avro_value_t *record, const char *name, struct str text)
{
    avro_value_t branch = set_branch(record, name, text.ptr != NULL);

    if (text.ptr) {
        set_text(branch, text);
    }
}

static void set_long(const avro_value_t *record, const char *name, int64_t number)
{
    avro_value_t value = field(record, name);

    assert_int_equal(avro_value_set_long(&value, number), 0);
}

static void set_nullable_long(const avro_value_t *record, const char *name, bool is_present,
                              int64_t number)
{
    avro_value_t branch = set_branch(record, name, is_present);

    if (is_present) {
        assert_int_equal(avro_value_set_long(&branch, number), 0);
    }
}

static void set_int(const avro_value_t *record, const char *name, int32_t number)
{
    avro_value_t value = field(record, name);

    assert_int_equal(avro_value_set_int(&value, number), 0);
}

static void set_enum(const avro_value_t *record, const char *name, int symbol)
{
    avro_value_t value = field(record, name);

    assert_int_equal(avro_value_set_enum(&value, symbol), 0);
}

static void set_bytes(const avro_value_t *record, const char *name, struct str bytes)
{
    avro_value_t value = field(record, name);

    assert_int_equal(avro_value_set_bytes(&value, (void *)bytes.ptr, bytes.len), 0);
}

static void set_id(const avro_value_t *record, const char *name, struct id128 id)
{
    avro_value_t value = field(record, name);

    assert_int_equal(avro_value_set_fixed(&value, id.bytes, sizeof(id.bytes)), 0);
}

static void set_gaps(const avro_value_t *record, const struct lineage_event *ev)
{
    avro_value_t list = field(record, "gaps");

    assert_int_equal(avro_value_reset(&list), 0);
    for (uint32_t i = 0; i < ev->gap_count; i++) {
        avro_value_t gap;
        assert_int_equal(avro_value_append(&list, &gap, NULL), 0);
        set_long(&gap, "from_seq", ev->gaps[i].from_seq);
        set_long(&gap, "to_seq", ev->gaps[i].to_seq);
        set_text(field(&gap, "reason"), ev->gaps[i].reason);
    }
}

static void set_event(const avro_value_t *record, const struct lineage_event *ev, bool has_gaps,
                      int body_codec, struct str packed)
{
    set_id(record, "event_id", ev->event_id);
    set_long(record, "received_at_us", ev->received_at_us);
    set_enum(record, "source", (int)ev->source);
    set_text(field(record, "format"), STR("openlineage"));
    set_nullable_text(record, "principal", ev->principal);
    set_nullable_text(record, "emitter_id", ev->emitter_id);
    set_nullable_long(record, "emitter_epoch", ev->emitter_id.ptr != NULL, ev->emitter_epoch);
    set_nullable_long(record, "emitter_sequence", ev->emitter_id.ptr != NULL, ev->emitter_sequence);
    if (has_gaps) {
        set_gaps(record, ev);
    }
    set_int(record, "redactions", ev->redactions);
    set_nullable_text(record, "idempotency_key", ev->idempotency_key);
    set_enum(record, "body_codec", body_codec);
    set_int(record, "body_bytes", (int32_t)ev->body.len);
    set_bytes(record, "body", packed);
}

/* avro-c's bytes behind the head of head_of. */
static size_t write_by_avro(char *buffer, size_t size, const avro_value_t *record,
                            const char *head_of)
{
    avro_writer_t writer = avro_writer_memory(buffer + HEAD_BYTES, (int64_t)(size - HEAD_BYTES));

    memcpy(buffer, head_of, HEAD_BYTES);
    assert_non_null(writer);
    assert_int_equal(avro_value_write(writer, (avro_value_t *)record), 0);
    size_t len = HEAD_BYTES + (size_t)avro_writer_tell(writer);
    avro_writer_free(writer);
    return len;
}

static void assert_events_equal(const struct lineage_event *a, const struct lineage_event *b)
{
    assert_true(id128_eq(a->event_id, b->event_id));
    assert_true(a->received_at_us == b->received_at_us);
    assert_int_equal(a->source, b->source);
    assert_int_equal(a->principal.ptr == NULL, b->principal.ptr == NULL);
    assert_true(str_eq(a->principal, b->principal));
    assert_int_equal(a->emitter_id.ptr == NULL, b->emitter_id.ptr == NULL);
    assert_true(str_eq(a->emitter_id, b->emitter_id));
    assert_true(a->emitter_epoch == b->emitter_epoch);
    assert_true(a->emitter_sequence == b->emitter_sequence);
    assert_int_equal(a->gap_count, b->gap_count);
    for (uint32_t i = 0; i < a->gap_count; i++) {
        assert_true(a->gaps[i].from_seq == b->gaps[i].from_seq);
        assert_true(a->gaps[i].to_seq == b->gaps[i].to_seq);
        assert_true(str_eq(a->gaps[i].reason, b->gaps[i].reason));
    }
    assert_int_equal(a->redactions, b->redactions);
    assert_int_equal(a->idempotency_key.ptr == NULL, b->idempotency_key.ptr == NULL);
    assert_true(str_eq(a->idempotency_key, b->idempotency_key));
    assert_true(str_eq(a->body, b->body));
}

/* What avro-c finds in the body field of our bytes, and how it is packed. */
static struct str body_by_avro(struct str ours, avro_value_t *record, int *out_body_codec)
{
    avro_reader_t reader =
        avro_reader_memory(ours.ptr + HEAD_BYTES, (int64_t)(ours.len - HEAD_BYTES));
    const void *packed;
    size_t len;

    assert_non_null(reader);
    assert_int_equal(avro_value_read(reader, record), 0);
    avro_reader_free(reader);
    avro_value_t value = field(record, "body_codec");
    assert_int_equal(avro_value_get_enum(&value, out_body_codec), 0);
    value = field(record, "body");
    assert_int_equal(avro_value_get_bytes(&value, &packed, &len), 0);
    return (struct str){packed, len};
}

static void compare_codecs(struct fixture *fx, const struct lineage_event *ev)
{
    struct lineage_event back;
    avro_value_t theirs;
    avro_value_t mine;
    void *bytes;
    size_t len;
    int body_codec;
    struct err err;

    assert_int_equal(event_codec_encode(fx->codec, ev, &bytes, &len, &err), OK);
    assert_int_equal(avro_generic_value_new(fx->iface, &theirs), 0);
    assert_int_equal(avro_generic_value_new(fx->iface, &mine), 0);

    /* The same record, put together field by field by avro-c, has the same bytes. */
    struct str packed = body_by_avro((struct str){bytes, len}, &theirs, &body_codec);
    if (body_codec == 0) {
        assert_true(str_eq(packed, ev->body));
    } else {
        char *inflated = malloc(ev->body.len);
        assert_non_null(inflated);
        assert_int_equal(ZSTD_decompress(inflated, ev->body.len, packed.ptr, packed.len),
                         ev->body.len);
        assert_memory_equal(inflated, ev->body.ptr, ev->body.len);
        free(inflated);
    }
    set_event(&mine, ev, true, body_codec, packed);
    assert_int_equal(avro_value_equal(&mine, &theirs), 1);
    size_t avro_len = write_by_avro(fx->buffer, 2 * BODY_MAX, &mine, bytes);
    assert_int_equal(avro_len, len);
    assert_memory_equal(fx->buffer, bytes, len);

    /* And we read what avro-c writes, here with the body as it is. */
    set_event(&mine, ev, true, 0, ev->body);
    avro_len = write_by_avro(fx->buffer, 2 * BODY_MAX, &mine, bytes);
    arena_reset(fx->arena, 0);
    assert_int_equal(
        event_codec_decode(fx->codec, (struct str){fx->buffer, avro_len}, fx->arena, &back, &err),
        OK);
    assert_events_equal(&back, ev);
    arena_reset(fx->arena, 0);
    assert_int_equal(
        event_codec_decode(fx->codec, (struct str){bytes, len}, fx->arena, &back, &err), OK);
    assert_events_equal(&back, ev);

    avro_value_decref(&theirs);
    avro_value_decref(&mine);
    free(bytes);
}

static void test_our_events_are_avros_events(void **state)
{
    struct fixture *fx = *state;

    for (int i = 0; i < EVENTS; i++) {
        struct lineage_event ev = draw_event(fx, i);
        compare_codecs(fx, &ev);
    }
}

/* What the first release wrote is read as before: no gaps. */
static void test_events_of_the_first_version_are_read(void **state)
{
    static const char head[] = "\xC3\x01\x9a\x1b\x23\x1e\x4a\x61\xcd\x9f";
    struct fixture *fx = *state;
    avro_schema_t schema = embedded_schema("avro/lineage_event.v1.avsc");
    avro_value_iface_t *iface = avro_generic_class_from_schema(schema);

    for (int i = 0; i < EVENTS / 4; i++) {
        struct lineage_event ev = draw_event(fx, i);
        struct lineage_event back;
        avro_value_t theirs;
        struct err err;
        ev.gap_count = 0;
        assert_int_equal(avro_generic_value_new(iface, &theirs), 0);
        set_event(&theirs, &ev, false, 0, ev.body);
        size_t len = write_by_avro(fx->buffer, 2 * BODY_MAX, &theirs, head);
        arena_reset(fx->arena, 0);
        assert_int_equal(
            event_codec_decode(fx->codec, (struct str){fx->buffer, len}, fx->arena, &back, &err),
            OK);
        assert_events_equal(&back, &ev);
        avro_value_decref(&theirs);
    }
    avro_value_iface_decref(iface);
    avro_schema_decref(schema);
}

static void set_letter(const avro_value_t *record, const struct dead_letter *letter)
{
    avro_value_t value = field(record, "has_event_id");

    set_id(record, "letter_id", letter->letter_id);
    assert_int_equal(avro_value_set_boolean(&value, letter->has_event_id), 0);
    set_long(record, "failed_at_us", letter->failed_at_us);
    set_text(field(record, "stage"), letter->stage);
    set_text(field(record, "reason"), letter->reason);
    set_nullable_text(record, "json_pointer", letter->json_pointer);
    set_nullable_long(record, "byte_offset", letter->byte_offset >= 0, letter->byte_offset);
    set_text(field(record, "topic"), letter->topic);
    set_int(record, "partition", letter->partition);
    set_long(record, "kafka_offset", letter->kafka_offset);
    set_long(record, "timestamp_ms", letter->timestamp_ms);
    set_bytes(record, "value", letter->value);
}

static void test_our_dead_letters_are_avros(void **state)
{
    struct fixture *fx = *state;
    avro_schema_t schema = embedded_schema("avro/dead_letter.v1.avsc");
    avro_value_iface_t *iface = avro_generic_class_from_schema(schema);
    avro_value_t record;
    struct err err;

    assert_non_null(iface);
    assert_int_equal(avro_generic_value_new(iface, &record), 0);
    for (int i = 0; i < 200; i++) {
        struct str stage = draw_text(fx);
        struct str value = {fx->bodies, draw(fx, 5000)};
        struct dead_letter letter = {
            .letter_id = lineage_event_id(value),
            .has_event_id = draw(fx, 2),
            .failed_at_us = (int64_t)draw(fx, 1000) - 500,
            .stage = stage.ptr ? stage : STR("check"),
            .reason = STR("is \xC3\xBC"),
            .json_pointer = draw_text(fx),
            .byte_offset = (int64_t)draw(fx, 4) - 1,
            .topic = STR("metaops.events"),
            .partition = (int32_t)draw(fx, 12),
            .kafka_offset = (int64_t)draw(fx, 1u << 30) << 20,
            .timestamp_ms = (int64_t)draw(fx, 1u << 30) - 1,
            .value = value,
        };
        void *bytes;
        size_t len;

        memset(fx->bodies, i, 5000);
        assert_int_equal(dead_letter_encode(&letter, &bytes, &len, &err), OK);
        set_letter(&record, &letter);
        assert_int_equal(write_by_avro(fx->buffer, BODY_MAX, &record, bytes), len);
        assert_memory_equal(fx->buffer, bytes, len);
        free(bytes);
    }
    avro_value_decref(&record);
    avro_value_iface_decref(iface);
    avro_schema_decref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_our_events_are_avros_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_events_of_the_first_version_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_our_dead_letters_are_avros, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
