#include "schemas/canonical_schema.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/ascii.h"
#include "core/json.h"
#include "schemas/event_codec.h"

#define WHERE "canonical_schema"
#define DEPTH_MAX 64
#define VALUES_MAX 200000
#define TEXT_BYTES_MAX ((size_t)4 << 20)
#define ARENA_BYTES_MAX ((size_t)32 << 20)

struct form {
    const struct json_doc *doc;
    struct arena *arena; /* decoded strings */
    FILE *out;
    const char *fault; /* the first; static text */
};

static void fail(struct form *form, const char *fault)
{
    if (!form->fault) {
        form->fault = fault;
    }
}

static void put(struct form *form, struct str text)
{
    fwrite(text.ptr, 1, text.len, form->out);
}

/* The content of a string member, empty when there is none. */
static struct str text_of(struct form *form, const struct json_value *value)
{
    struct str text = {"", 0};
    struct err err;

    if (value && value->type == JSON_STRING &&
        json_string(form->doc, value, form->arena, &text, &err) != OK) {
        fail(form, "it is too large");
    }
    return text;
}

static bool is_primitive(struct str name)
{
    static const char *const primitives[] = {"null",  "boolean", "int",   "long",
                                             "float", "double",  "bytes", "string"};

    for (size_t i = 0; i < sizeof(primitives) / sizeof(primitives[0]); i++) {
        if (str_eq(name, str_view(primitives[i]))) {
            return true;
        }
    }
    return false;
}

static bool has_dot(struct str name)
{
    return name.len && memchr(name.ptr, '.', name.len);
}

/* Letters, digits, underscores, and dots between the parts. */
static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!ascii_is_alnum(name.ptr[i]) && name.ptr[i] != '_' && name.ptr[i] != '.') {
            return false;
        }
    }
    return name.len > 0;
}

/* Rule FULLNAMES, quotes included. */
static void put_name(struct form *form, struct str name, struct str space)
{
    if (!is_name(name) || (space.len && !is_name(space))) {
        fail(form, "a name is missing or none");
    }
    put(form, STR("\""));
    if (space.len && !has_dot(name) && !is_primitive(name)) {
        put(form, space);
        put(form, STR("."));
    }
    put(form, name);
    put(form, STR("\""));
}

static void put_schema(struct form *form, const struct json_value *schema, struct str space);

static void put_union(struct form *form, const struct json_value *list, struct str space)
{
    const struct json_doc *doc = form->doc;
    const struct json_value *first = json_first(doc, list);

    put(form, STR("["));
    for (const struct json_value *item = first; item; item = json_next(doc, list, item)) {
        put(form, item == first ? STR("") : STR(","));
        put_schema(form, item, space);
    }
    put(form, STR("]"));
}

static void put_fields(struct form *form, const struct json_value *fields, struct str space)
{
    const struct json_doc *doc = form->doc;
    const struct json_value *first = json_first(doc, fields);

    put(form, STR(",\"fields\":["));
    for (const struct json_value *field = first; field; field = json_next(doc, fields, field)) {
        put(form, field == first ? STR("{\"name\":") : STR(",{\"name\":"));
        put_name(form, text_of(form, json_get(doc, field, STR("name"))), STR(""));
        put(form, STR(",\"type\":"));
        put_schema(form, json_get(doc, field, STR("type")), space);
        put(form, STR("}"));
    }
    put(form, STR("]"));
}

static void put_symbols(struct form *form, const struct json_value *symbols)
{
    const struct json_doc *doc = form->doc;
    const struct json_value *first = json_first(doc, symbols);

    put(form, STR(",\"symbols\":["));
    for (const struct json_value *symbol = first; symbol;
         symbol = json_next(doc, symbols, symbol)) {
        put(form, symbol == first ? STR("") : STR(","));
        put_name(form, text_of(form, symbol), STR(""));
    }
    put(form, STR("]"));
}

/* Rule INTEGERS: no quotes, no leading zeros. */
static void put_size(struct form *form, struct str digits)
{
    while (digits.len > 1 && digits.ptr[0] == '0') {
        digits.ptr++;
        digits.len--;
    }
    for (size_t i = 0; i < digits.len; i++) {
        if (!ascii_is_digit(digits.ptr[i])) {
            fail(form, "a size is no number");
        }
    }
    if (!digits.len) {
        fail(form, "a size is missing");
    }
    put(form, digits);
}

/* record, error, enum, fixed */
static void put_named(struct form *form, const struct json_value *schema, struct str type,
                      struct str space)
{
    const struct json_doc *doc = form->doc;
    struct str name = text_of(form, json_get(doc, schema, STR("name")));
    const struct json_value *own_space = json_get(doc, schema, STR("namespace"));

    if (has_dot(name)) {
        size_t len = name.len;
        while (name.ptr[len - 1] != '.') {
            len--;
        }
        space = (struct str){name.ptr, len - 1};
    } else if (own_space && own_space->type == JSON_STRING) {
        space = text_of(form, own_space);
    }
    put(form, STR("{\"name\":"));
    put_name(form, name, space);
    put(form, STR(",\"type\":"));
    put_name(form, type, STR(""));
    if (str_eq(type, STR("enum"))) {
        put_symbols(form, json_get(doc, schema, STR("symbols")));
    } else if (str_eq(type, STR("fixed"))) {
        const struct json_value *size = json_get(doc, schema, STR("size"));
        bool is_number = size && size->type == JSON_NUMBER && !size->is_nonfinite;
        put(form, STR(",\"size\":"));
        put_size(form, is_number ? json_raw(doc, size) : text_of(form, size));
    } else {
        put_fields(form, json_get(doc, schema, STR("fields")), space);
    }
    put(form, STR("}"));
}

static void put_object(struct form *form, const struct json_value *schema, struct str space)
{
    const struct json_doc *doc = form->doc;
    const struct json_value *type_value = json_get(doc, schema, STR("type"));
    struct str type = text_of(form, type_value);
    bool is_array = str_eq(type, STR("array"));

    if (type_value && type_value->type != JSON_STRING) {
        put_schema(form, type_value, space);
    } else if (str_eq(type, STR("record")) || str_eq(type, STR("error")) ||
               str_eq(type, STR("enum")) || str_eq(type, STR("fixed"))) {
        put_named(form, schema, type, space);
    } else if (is_array || str_eq(type, STR("map"))) {
        struct str item = is_array ? STR("items") : STR("values");
        put(form, is_array ? STR("{\"type\":\"array\",\"items\":")
                           : STR("{\"type\":\"map\",\"values\":"));
        put_schema(form, json_get(doc, schema, item), space);
        put(form, STR("}"));
    } else {
        put_name(form, type, space);
    }
}

static void put_schema(struct form *form, const struct json_value *schema, struct str space)
{
    if (!schema) {
        fail(form, "a type is missing");
    } else if (schema->type == JSON_STRING) {
        put_name(form, text_of(form, schema), space);
    } else if (schema->type == JSON_ARRAY) {
        put_union(form, schema, space);
    } else if (schema->type == JSON_OBJECT) {
        put_object(form, schema, space);
    } else {
        fail(form, "a type is neither text, list nor object");
    }
}

static enum verdict write_form(struct form *form, char **out_text, struct err *err)
{
    char *text = NULL;
    size_t len = 0;

    form->out = open_memstream(&text, &len);
    if (!form->out) {
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    put_schema(form, json_root(form->doc), STR(""));
    if (fclose(form->out) != 0 || !text) {
        free(text);
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    if (form->fault) {
        free(text);
        return err_set(err, REJECT, WHERE, "no Avro schema: %s", form->fault);
    }
    *out_text = text;
    return OK;
}

enum verdict canonical_schema_form(struct str text, char **out_form, struct err *err)
{
    struct json_doc *doc = json_doc_new(DEPTH_MAX, VALUES_MAX);
    struct arena *arena = arena_new(ARENA_BYTES_MAX);
    struct json_fault fault = {.reason = ""};
    char *padded = NULL;
    enum verdict verdict;

    if (text.len > TEXT_BYTES_MAX) {
        verdict = err_set(err, REJECT, WHERE, "no Avro schema: %zu bytes", text.len);
        goto out;
    }
    padded = calloc(1, text.len + JSON_PADDING_BYTES);
    if (!doc || !arena || !padded) {
        verdict = err_set(err, RETRY, WHERE, "out of memory");
        goto out;
    }
    if (text.len) {
        memcpy(padded, text.ptr, text.len);
    }
    verdict = json_parse(doc, (struct str){padded, text.len}, &fault, err);
    if (verdict == REJECT) {
        err_set(err, REJECT, WHERE, "no Avro schema: %s", fault.reason);
    }
    if (verdict == OK) {
        struct form form = {.doc = doc, .arena = arena};
        verdict = write_form(&form, out_form, err);
    }
out:
    free(padded);
    arena_free(arena);
    json_doc_free(doc);
    return verdict;
}

enum verdict canonical_schema_fingerprint(struct str text, uint64_t *out_fingerprint,
                                          struct err *err)
{
    char *form = NULL;
    enum verdict verdict = canonical_schema_form(text, &form, err);

    if (verdict == OK) {
        *out_fingerprint = event_codec_fingerprint(str_view(form));
        free(form);
    }
    return verdict;
}
