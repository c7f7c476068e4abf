#include "aibom_rules.h"

#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/json.h"
#include "lineage_print.h"

#define DEPTH_MAX 32
#define VALUES_MAX (1U << 22)
#define ARENA_BYTES_MAX ((size_t)1 << 20)
#define NAME_BYTES_MAX 300

/* Of each element of the type: the member is there (with that text), or, for licences, exactly one relationship of
 * that kind leads from it to one other element. */
struct rule {
    const char *type;
    const char *member;
    const char *text;
    const char *relation;
    const char *told_by;
};

static const struct rule rules[] = {
    {.type = "ai_AIPackage", .member = "software_packageVersion", .told_by = "the registry"},
    {.type = "ai_AIPackage",
     .member = "software_downloadLocation",
     .told_by = "the registry, or the run that wrote it"},
    {.type = "ai_AIPackage",
     .member = "suppliedBy",
     .told_by = "tag supplier or owner of the model; facet ownership of its artifact"},
    {.type = "ai_AIPackage", .member = "releaseTime", .told_by = "the registry; tag release_time"},
    {.type = "ai_AIPackage",
     .member = "software_primaryPurpose",
     .text = "model",
     .told_by = "metaops"},
    {.type = "ai_AIPackage",
     .relation = "hasDeclaredLicense",
     .told_by = "tag licence of the model or its artifact"},
    {.type = "ai_AIPackage",
     .relation = "hasConcludedLicense",
     .told_by = "tag concluded_licence of the model or its artifact"},
    {.type = "dataset_DatasetPackage",
     .member = "software_downloadLocation",
     .told_by = "facet dataSource; a namespace that is a URI"},
    {.type = "dataset_DatasetPackage",
     .member = "originatedBy",
     .told_by = "facet ownership, by a dataset event"},
    {.type = "dataset_DatasetPackage",
     .member = "builtTime",
     .told_by = "the run that wrote it; tag last_updated"},
    {.type = "dataset_DatasetPackage",
     .member = "releaseTime",
     .told_by = "tag release_time, by a dataset event"},
    {.type = "dataset_DatasetPackage",
     .member = "software_primaryPurpose",
     .text = "data",
     .told_by = "metaops"},
};

static bool is_text(const struct json_doc *doc, const struct json_value *value, const char *text)
{
    if (!value || value->type != JSON_STRING) {
        return false;
    }
    struct str raw = json_raw(doc, value);
    return raw.len == strlen(text) + 2 && memcmp(raw.ptr + 1, text, raw.len - 2) == 0;
}

static bool is_same(const struct json_doc *doc, const struct json_value *a,
                    const struct json_value *b)
{
    return a && b && str_eq(json_raw(doc, a), json_raw(doc, b));
}

static const struct json_value *member(const struct json_doc *doc, const struct json_value *element,
                                       const char *name)
{
    return json_get(doc, element, str_view(name));
}

/* Something is told: a text that is not empty, or one element in a list. */
static bool is_told(const struct json_value *value)
{
    return value &&
           ((value->type == JSON_STRING && value->len > 2) ||
            (value->type == JSON_ARRAY && value->count == 1) || value->type == JSON_OBJECT);
}

static bool has_one_relation(const struct json_doc *doc, const struct json_value *graph,
                             const struct json_value *element, const char *relation)
{
    const struct json_value *id = member(doc, element, "spdxId");
    int count = 0, ends = 0;

    for (const struct json_value *v = json_first(doc, graph); v; v = json_next(doc, graph, v)) {
        if (is_text(doc, member(doc, v, "relationshipType"), relation) &&
            is_same(doc, member(doc, v, "from"), id)) {
            const struct json_value *to = member(doc, v, "to");
            count++;
            ends += to && to->type == JSON_ARRAY ? (int)to->count : 0;
        }
    }
    return count == 1 && ends == 1;
}

static bool holds(const struct json_doc *doc, const struct json_value *graph,
                  const struct json_value *element, const struct rule *rule)
{
    if (rule->relation) {
        return has_one_relation(doc, graph, element, rule->relation);
    }
    const struct json_value *value = member(doc, element, rule->member);
    return rule->text ? is_text(doc, value, rule->text) : is_told(value);
}

static enum verdict print_gap(const struct json_doc *doc, const struct json_value *element,
                              const struct rule *rule, struct arena *arena, FILE *out,
                              struct err *err)
{
    const struct json_value *value = member(doc, element, "name");
    struct str name = STR("without a name");
    enum verdict verdict = OK;
    char shown[NAME_BYTES_MAX];

    if (value && value->type == JSON_STRING) {
        verdict = json_string(doc, value, arena, &name, err);
    }
    if (verdict == OK) {
        snprintf(shown, sizeof shown, "%.*s", (int)name.len, name.ptr);
        fprintf(out, "missing  %s of %s ", rule->relation ? rule->relation : rule->member,
                strcmp(rule->type, "ai_AIPackage") == 0 ? "model" : "dataset");
        lineage_print_text(out, shown);
        fprintf(out, "; told by: %s\n", rule->told_by);
    }
    return verdict;
}

static enum verdict check(const struct json_doc *doc, struct arena *arena, FILE *out,
                          int *out_missing, struct err *err)
{
    const struct json_value *graph = json_get(doc, json_root(doc), STR("@graph"));
    enum verdict verdict = OK;
    int missing = 0;

    if (!graph || graph->type != JSON_ARRAY) {
        return err_set(err, REJECT, "aibom", "no document of SPDX 3");
    }
    for (const struct json_value *v = json_first(doc, graph); v; v = json_next(doc, graph, v)) {
        const struct json_value *type = member(doc, v, "type");
        for (size_t i = 0; verdict == OK && i < sizeof rules / sizeof rules[0]; i++) {
            if (is_text(doc, type, rules[i].type) && !holds(doc, graph, v, &rules[i])) {
                verdict = print_gap(doc, v, &rules[i], arena, out, err);
                missing++;
            }
        }
    }
    if (verdict == OK) {
        *out_missing = missing;
    }
    return verdict;
}

enum verdict aibom_rules_print(struct str text, FILE *out, int *out_missing, struct err *err)
{
    struct json_doc *doc = json_doc_new(DEPTH_MAX, VALUES_MAX);
    struct arena *arena = arena_new(ARENA_BYTES_MAX);
    char *padded = calloc(1, text.len + JSON_PADDING_BYTES);
    enum verdict verdict = OK;

    if (!doc || !arena || !padded) {
        verdict = err_set(err, RETRY, "aibom", "out of memory");
        goto out;
    }
    memcpy(padded, text.ptr, text.len);
    verdict = json_parse(doc, (struct str){padded, text.len}, NULL, err);
    if (verdict == OK) {
        verdict = check(doc, arena, out, out_missing, err);
    }
out:
    free(padded);
    arena_free(arena);
    json_doc_free(doc);
    return verdict;
}
