#include "contracts_file.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/json.h"
#include "core/settings_file.h"
#include "core/str.h"

#define WHERE "contracts"
#define DEPTH_MAX 16
#define VALUES_MAX (1u << 20)
#define ARENA_BYTES_MAX (16 << 20)
#define POINTER_BYTES 200

struct member;

/* What a value may be. */
struct shape {
    const char *what; /* for people */
    bool (*is_good)(const struct json_doc *doc, const struct json_value *value);
    const struct member *members; /* of an object, ends with NULL; NULL: whatever it is called */
    const struct shape *items;    /* of an array, or of an object without members */
};

struct member {
    const char *name;
    const struct shape *shape;
    bool is_needed;
};

static bool is_object(const struct json_doc *doc, const struct json_value *value)
{
    (void)doc;
    return value->type == JSON_OBJECT;
}

static bool is_array(const struct json_doc *doc, const struct json_value *value)
{
    (void)doc;
    return value->type == JSON_ARRAY;
}

static bool is_text(const struct json_doc *doc, const struct json_value *value)
{
    (void)doc;
    return value->type == JSON_STRING && value->len > sizeof("\"\"") - 1;
}

static bool is_flag(const struct json_doc *doc, const struct json_value *value)
{
    (void)doc;
    return value->type == JSON_TRUE || value->type == JSON_FALSE;
}

static bool is_owner(const struct json_doc *doc, const struct json_value *value)
{
    return is_text(doc, value) || is_flag(doc, value);
}

static bool is_number(const struct json_doc *doc, const struct json_value *value)
{
    (void)doc;
    return value->type == JSON_NUMBER && !value->is_nonfinite;
}

static bool is_sensitivity(const struct json_doc *doc, const struct json_value *value)
{
    double number = is_number(doc, value) ? strtod(json_raw(doc, value).ptr, NULL) : 0;
    return number >= 0.01 && number <= 100;
}

/* Fewer than eight points have no level. */
static bool is_history(const struct json_doc *doc, const struct json_value *value)
{
    struct str raw = json_raw(doc, value);
    size_t len = value->type == JSON_NUMBER ? raw.len : 0;
    return len > 0 && len < 7 && strspn(raw.ptr, "0123456789") >= len &&
           strtol(raw.ptr, NULL, 10) >= 8;
}

static bool is_amount(const struct json_doc *doc, const struct json_value *value)
{
    double amount = is_number(doc, value) ? strtod(json_raw(doc, value).ptr, NULL) : -1;
    return amount > 0 && amount <= 1e9;
}

/* Is it one of these words, each between two bars? */
static bool is_word(const struct json_doc *doc, const struct json_value *value, const char *words)
{
    char wanted[32];
    struct str raw = json_raw(doc, value);
    if (value->type != JSON_STRING || raw.len >= sizeof wanted) {
        return false;
    }
    snprintf(wanted, sizeof wanted, "|%.*s|", (int)raw.len - 2, raw.ptr + 1);
    return !memchr(raw.ptr, '|', raw.len) && strstr(words, wanted) != NULL;
}

static bool is_severity(const struct json_doc *doc, const struct json_value *value)
{
    return is_word(doc, value, "|info|warning|critical|");
}

static bool is_unit(const struct json_doc *doc, const struct json_value *value)
{
    return is_word(doc, value, "|s|m|h|d|");
}

static bool is_kind(const struct json_doc *doc, const struct json_value *value)
{
    return is_word(doc, value,
                   "|schema|volume|freshness|quality|topology|stewardship|code|environment|"
                   "behaviour|model|contract|consistency|");
}

static bool is_tier(const struct json_doc *doc, const struct json_value *value)
{
    struct str raw = json_raw(doc, value);
    return value->type == JSON_NUMBER && raw.len == 1 && raw.ptr[0] >= '1' && raw.ptr[0] <= '3';
}

static const struct shape text = {.what = "a text", .is_good = is_text};
static const struct shape flag = {.what = "true or false", .is_good = is_flag};
static const struct shape owner = {.what = "an owner's name, or true", .is_good = is_owner};
static const struct shape sensitivity = {.what = "a number from 0.01 to 100",
                                         .is_good = is_sensitivity};
static const struct shape history = {.what = "a whole number from 8 to 999999",
                                     .is_good = is_history};
static const struct shape amount = {.what = "a number above 0", .is_good = is_amount};
static const struct shape severity = {.what = "info, warning or critical", .is_good = is_severity};
static const struct shape unit = {.what = "s, m, h or d", .is_good = is_unit};
static const struct shape kind = {.what = "a kind of alert", .is_good = is_kind};
static const struct shape tier = {.what = "1, 2 or 3", .is_good = is_tier};
static const struct shape texts = {.what = "a list of texts", .is_good = is_array, .items = &text};
static const struct shape kinds = {.what = "a list of kinds", .is_good = is_array, .items = &kind};
static const struct member threshold_members[] = {
    {"sensitivity", &sensitivity, false}, {"history_min", &history, false}, {0}};
static const struct shape thresholds = {
    .what = "an object", .is_good = is_object, .members = threshold_members};

static const struct member property_members[] = {
    {"name", &text, true}, {"physicalType", &text, false}, {"required", &flag, false}, {0}};
static const struct shape property = {
    .what = "an object", .is_good = is_object, .members = property_members};
static const struct shape properties = {
    .what = "a list of properties", .is_good = is_array, .items = &property};
static const struct member schema_members[] = {
    {"properties", &properties, true}, {"additionalProperties", &flag, false}, {0}};
static const struct shape schema = {
    .what = "an object", .is_good = is_object, .members = schema_members};
static const struct member freshness_members[] = {
    {"value", &amount, true}, {"unit", &unit, true}, {0}};
static const struct shape freshness = {
    .what = "an object", .is_good = is_object, .members = freshness_members};

static const struct member contract_members[] = {{"id", &text, true},
                                                 {"namespace", &text, true},
                                                 {"name", &text, true},
                                                 {"schema", &schema, false},
                                                 {"owner", &owner, false},
                                                 {"freshness", &freshness, false},
                                                 {"minimum", &texts, false},
                                                 {"documentation", &flag, false},
                                                 {"tier", &tier, false},
                                                 {"severity", &severity, false},
                                                 {0}};
static const struct shape contract = {
    .what = "an object", .is_good = is_object, .members = contract_members};
static const struct shape contracts = {
    .what = "a list of contracts", .is_good = is_array, .items = &contract};

static const struct member rule_members[] = {{"kinds", &kinds, false},
                                             {"namespace", &text, false},
                                             {"name", &text, false},
                                             {"enabled", &flag, false},
                                             {"severity", &severity, false},
                                             {"tier", &tier, false},
                                             {"thresholds", &thresholds, false},
                                             {0}};
static const struct shape rule = {
    .what = "an object", .is_good = is_object, .members = rule_members};
static const struct shape rules = {.what = "a list of rules", .is_good = is_array, .items = &rule};

static const struct member file_members[] = {
    {"contracts", &contracts, false}, {"rules", &rules, false}, {0}};
static const struct shape whole = {
    .what = "an object", .is_good = is_object, .members = file_members};

struct reading {
    const char *path;
    struct json_doc *doc;
    struct arena *arena;
};

static enum verdict fault(const struct reading *rd, const struct json_value *value,
                          const char *what, struct err *err)
{
    char place[POINTER_BYTES];
    json_pointer(rd->doc, value, place, sizeof place);
    return err_set(err, FATAL, WHERE, "%s: %s %s", rd->path, *place ? place : "the file", what);
}

static const struct member *find_member(const struct reading *rd, const struct shape *shape,
                                        const struct json_value *key)
{
    struct str raw = json_raw(rd->doc, key);
    for (const struct member *member = shape->members; member->name; member++) {
        if (str_eq(str_view(member->name), (struct str){raw.ptr + 1, raw.len - 2})) {
            return member;
        }
    }
    return NULL;
}

static enum verdict judge(const struct reading *rd, const struct shape *shape,
                          const struct json_value *value, struct err *err);

static enum verdict judge_members(const struct reading *rd, const struct shape *shape,
                                  const struct json_value *object, struct err *err)
{
    const struct json_value *key;
    enum verdict verdict = OK;
    for (key = json_first(rd->doc, object); verdict == OK && key;
         key = json_next(rd->doc, object, key + 1)) {
        const struct member *member = shape->members ? find_member(rd, shape, key) : NULL;
        if (shape->members && !member) {
            return fault(rd, key + 1, "is not known", err);
        }
        verdict = judge(rd, member ? member->shape : shape->items, key + 1, err);
    }
    for (const struct member *member = shape->members; verdict == OK && member && member->name;
         member++) {
        if (member->is_needed && !json_get(rd->doc, object, str_view(member->name))) {
            char what[64];
            snprintf(what, sizeof what, "has no %s", member->name);
            return fault(rd, object, what, err);
        }
    }
    return verdict;
}

static enum verdict judge(const struct reading *rd, const struct shape *shape,
                          const struct json_value *value, struct err *err)
{
    const struct json_value *item;
    enum verdict verdict = OK;
    if (!shape->is_good(rd->doc, value)) {
        char what[64];
        snprintf(what, sizeof what, "has to be %s", shape->what);
        return fault(rd, value, what, err);
    }
    if (value->type == JSON_OBJECT) {
        return judge_members(rd, shape, value, err);
    }
    for (item = value->type == JSON_ARRAY ? json_first(rd->doc, value) : NULL;
         verdict == OK && item; item = json_next(rd->doc, value, item)) {
        verdict = judge(rd, shape->items, item, err);
    }
    return verdict;
}

struct id_place {
    struct str id;
    const struct json_value *value;
};

static int by_id(const void *a, const void *b)
{
    return str_cmp(((const struct id_place *)a)->id, ((const struct id_place *)b)->id);
}

static enum verdict judge_ids(const struct reading *rd, const struct json_value *list,
                              struct err *err)
{
    size_t count = 0;
    struct id_place *places = arena_calloc(rd->arena, list->count + 1, sizeof *places);
    if (!places) {
        return err_set(err, FATAL, WHERE, "%s: too large", rd->path);
    }
    for (const struct json_value *item = json_first(rd->doc, list); item;
         item = json_next(rd->doc, list, item)) {
        places[count].value = json_get(rd->doc, item, STR("id"));
        if (json_string(rd->doc, places[count].value, rd->arena, &places[count].id, err) != OK) {
            return err->verdict = FATAL;
        }
        count++;
    }
    qsort(places, count, sizeof *places, by_id);
    for (size_t i = 1; i < count; i++) {
        if (str_eq(places[i - 1].id, places[i].id)) {
            return fault(rd, places[i].value, "is the id of another contract too", err);
        }
    }
    return OK;
}

static enum verdict judge_text(const struct reading *rd, struct str content,
                               struct contracts_file *file, struct err *err)
{
    struct json_fault at = {.reason = ""};
    struct str clean;
    if (json_parse(rd->doc, content, &at, err) != OK) {
        return err_set(err, FATAL, WHERE, "%s: no JSON at byte %zu: %s", rd->path, at.offset,
                       at.reason);
    }
    const struct json_value *root = json_root(rd->doc);
    enum verdict verdict = judge(rd, &whole, root, err);
    const struct json_value *list = json_get(rd->doc, root, STR("contracts"));
    if (verdict == OK && list) {
        verdict = judge_ids(rd, list, err);
    }
    if (verdict == OK && json_clean(rd->doc, root, rd->arena, &clean, err) != OK) {
        verdict = err_set(err, FATAL, WHERE, "%s: too large", rd->path);
    }
    if (verdict == OK) {
        const struct json_value *rule_list = json_get(rd->doc, root, STR("rules"));
        file->contract_count = list ? list->count : 0;
        file->rule_count = rule_list ? rule_list->count : 0;
        file->json = strndup(clean.ptr, clean.len);
        verdict = file->json ? OK : err_set(err, FATAL, WHERE, "memory is short");
    }
    return verdict;
}

enum verdict contracts_file_read(const char *path, struct contracts_file *out_file, struct err *err)
{
    struct reading rd = {.path = path,
                         .doc = json_doc_new(DEPTH_MAX, VALUES_MAX),
                         .arena = arena_new(ARENA_BYTES_MAX)};
    struct contracts_file file = {.json = NULL};
    char *content = NULL;
    size_t len = 0;
    enum verdict verdict = rd.doc && rd.arena ? OK : err_set(err, FATAL, WHERE, "memory is short");
    if (verdict == OK) {
        verdict = settings_file_read(path, CONTRACTS_FILE_BYTES_MAX + JSON_PADDING_BYTES, &content,
                                     &len, err);
    }
    if (verdict == OK && len > CONTRACTS_FILE_BYTES_MAX) {
        verdict =
            err_set(err, FATAL, WHERE, "%s: larger than %d bytes", path, CONTRACTS_FILE_BYTES_MAX);
    }
    if (verdict == OK) {
        verdict = judge_text(&rd, (struct str){content, len}, &file, err);
    }
    if (verdict == OK) {
        *out_file = file;
    }
    free(content);
    json_doc_free(rd.doc);
    arena_free(rd.arena);
    return verdict;
}

void contracts_file_fini(struct contracts_file *file)
{
    free(file->json);
    file->json = NULL;
}
