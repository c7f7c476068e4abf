/* The released schemas against their recorded fingerprints, computed here by the Avro
 * specification: Parsing Canonical Form, and CRC-64-AVRO by table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/json.h"
#include "schemas/alert_record.h"
#include "schemas/dead_letter.h"
#include "schemas/embedded.h"
#include "schemas/event_codec.h"

struct form {
    const struct json_doc *doc;
    char out[4096];
    size_t len;
};

static void put(struct form *form, const char *text, size_t len)
{
    assert_true(form->len + len < sizeof(form->out));
    memcpy(form->out + form->len, text, len);
    form->len += len;
    form->out[form->len] = '\0';
}

static void put_text(struct form *form, const char *text)
{
    put(form, text, strlen(text));
}

static void put_raw(struct form *form, const struct json_value *value)
{
    struct str raw = json_raw(form->doc, value);

    put(form, raw.ptr, raw.len);
}

static void put_schema(struct form *form, const struct json_value *schema);

static void put_fields(struct form *form, const struct json_value *fields)
{
    const char *between = "";

    for (const struct json_value *field = json_first(form->doc, fields); field;
         field = json_next(form->doc, fields, field)) {
        put_text(form, between);
        put_text(form, "{\"name\":");
        put_raw(form, json_get(form->doc, field, STR("name")));
        put_text(form, ",\"type\":");
        put_schema(form, json_get(form->doc, field, STR("type")));
        put_text(form, "}");
        between = ",";
    }
}

static void put_items(struct form *form, const struct json_value *list)
{
    const char *between = "";

    put_text(form, "[");
    for (const struct json_value *item = json_first(form->doc, list); item;
         item = json_next(form->doc, list, item)) {
        put_text(form, between);
        put_schema(form, item);
        between = ",";
    }
    put_text(form, "]");
}

/* Rules PRIMITIVES, FULLNAMES (all our names live in metaops), STRIP, ORDER, INTEGERS, WHITESPACE;
 * our schemas have no escapes in strings. Symbols are put as they are. */
static void put_schema(struct form *form, const struct json_value *schema)
{
    const struct json_value *member;

    assert_non_null(schema);
    if (schema->type == JSON_STRING) {
        struct str text = json_raw(form->doc, schema);
        bool is_own_name = text.ptr[1] >= 'A' && text.ptr[1] <= 'Z';
        put_text(form, is_own_name ? "\"metaops." : "\"");
        put(form, text.ptr + 1, text.len - 1);
        return;
    }
    if (schema->type == JSON_ARRAY) {
        put_items(form, schema);
        return;
    }
    member = json_get(form->doc, schema, STR("items"));
    if (member) {
        put_text(form, "{\"type\":\"array\",\"items\":");
        put_schema(form, member);
        put_text(form, "}");
        return;
    }
    struct str name = json_raw(form->doc, json_get(form->doc, schema, STR("name")));
    put_text(form, "{\"name\":\"metaops.");
    put(form, name.ptr + 1, name.len - 1);
    put_text(form, ",\"type\":");
    put_raw(form, json_get(form->doc, schema, STR("type")));
    member = json_get(form->doc, schema, STR("fields"));
    if (member) {
        put_text(form, ",\"fields\":[");
        put_fields(form, member);
        put_text(form, "]");
    }
    member = json_get(form->doc, schema, STR("symbols"));
    if (member) {
        put_text(form, ",\"symbols\":[");
        for (const struct json_value *symbol = json_first(form->doc, member); symbol;
             symbol = json_next(form->doc, member, symbol)) {
            put_text(form, symbol == json_first(form->doc, member) ? "" : ",");
            put_raw(form, symbol);
        }
        put_text(form, "]");
    }
    member = json_get(form->doc, schema, STR("size"));
    if (member) {
        put_text(form, ",\"size\":");
        put_raw(form, member);
    }
    put_text(form, "}");
}

static uint64_t crc64_by_table(const char *text, size_t len)
{
    const uint64_t empty = UINT64_C(0xc15d213aa4d7a795);
    uint64_t table[256];
    uint64_t crc = empty;

    for (uint64_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++) {
            table[i] = (table[i] >> 1) ^ (empty & -(table[i] & 1));
        }
    }
    for (size_t i = 0; i < len; i++) {
        crc = (crc >> 8) ^ table[(uint8_t)crc ^ (uint8_t)text[i]];
    }
    return crc;
}

static uint64_t fingerprint_of_file(const char *file, struct form *form)
{
    char name[64];
    struct err err;

    snprintf(name, sizeof(name), "avro/%s", file);
    struct str text = embedded_text(schemas_files, name);
    assert_non_null(text.ptr);
    char *padded = calloc(1, text.len + JSON_PADDING_BYTES);
    struct json_doc *doc = json_doc_new(32, 10000);
    assert_non_null(padded);
    assert_non_null(doc);
    memcpy(padded, text.ptr, text.len);
    assert_int_equal(json_parse(doc, (struct str){padded, text.len}, NULL, &err), OK);
    form->doc = doc;
    form->len = 0;
    put_schema(form, json_root(doc));
    json_doc_free(doc);
    free(padded);
    return crc64_by_table(form->out, form->len);
}

static void test_fingerprints_are_those_of_the_specification(void **state)
{
    (void)state;
    /* Published with the Avro specification's own test data. */
    assert_true(crc64_by_table("\"int\"", 5) == UINT64_C(0x7275d51a3f395c8f));
    assert_true(event_codec_fingerprint(STR("\"int\"")) == UINT64_C(0x7275d51a3f395c8f));
    assert_true(event_codec_fingerprint(STR("\"float\"")) == crc64_by_table("\"float\"", 7));
}

static void test_every_schema_has_its_recorded_fingerprint(void **state)
{
    FILE *file = fopen(SOURCE_ROOT "/schemas/avro/fingerprints.txt", "r");
    char line[256];
    char name[64];
    unsigned long long wire;
    int recorded = 0;
    int embedded = 0;
    struct form form = {0};

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        if (line[0] == '#') {
            continue;
        }
        assert_int_equal(sscanf(line, "%16llx %63s", &wire, name), 2);
        uint64_t fingerprint = fingerprint_of_file(name, &form);
        assert_true(__builtin_bswap64(wire) == fingerprint);
        assert_true(event_codec_fingerprint((struct str){form.out, form.len}) == fingerprint);
        recorded++;
    }
    fclose(file);
    for (const struct embedded_file *row = schemas_files; row->name; row++) {
        embedded += strncmp(row->name, "avro/", 5) == 0;
    }
    assert_int_equal(recorded, embedded);
}

static void test_the_heads_carry_the_fingerprints(void **state)
{
    struct event_codec *codec = event_codec_new(1000);
    struct lineage_event ev = {.body = STR("{}")};
    struct dead_letter letter = {.byte_offset = -1};
    struct alert_record alert = {.what = STR("opened")};
    struct form form = {0};
    uint64_t fingerprint;
    void *bytes;
    size_t len;
    struct err err;

    (void)state;
    assert_non_null(codec);
    assert_int_equal(event_codec_encode(codec, &ev, &bytes, &len, &err), OK);
    fingerprint = fingerprint_of_file("lineage_event.v2.avsc", &form);
    assert_memory_equal(bytes, "\xC3\x01", 2);
    assert_memory_equal((char *)bytes + 2, &fingerprint, 8);
    free(bytes);
    assert_int_equal(dead_letter_encode(&letter, &bytes, &len, &err), OK);
    fingerprint = fingerprint_of_file("dead_letter.v1.avsc", &form);
    assert_memory_equal((char *)bytes + 2, &fingerprint, 8);
    free(bytes);
    assert_int_equal(alert_record_encode(&alert, &bytes, &len, &err), OK);
    fingerprint = fingerprint_of_file("alert.v1.avsc", &form);
    assert_memory_equal((char *)bytes + 2, &fingerprint, 8);
    free(bytes);
    event_codec_free(codec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fingerprints_are_those_of_the_specification),
        cmocka_unit_test(test_every_schema_has_its_recorded_fingerprint),
        cmocka_unit_test(test_the_heads_carry_the_fingerprints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
