/* schema_release.c - what `metaops migrate --schemas` and `metaops check` ask of the registry. */
#include <stdio.h>

#include "schemas/registry_api.h"
#include "schemas/schema_registry.h"

/* Registered already, or taken now. The level stands before the question: the registry judges by
 * it. A subject that is not there yet gets it with its first version. */
static enum verdict release_one(struct registry_api *api, const struct released_schema *schema,
                                struct err *err)
{
    bool has_subject = false;
    bool is_found = false;
    uint32_t id = 0;

    enum verdict verdict = registry_api_set_level(api, schema->subject, &has_subject, err);
    if (verdict == OK) {
        verdict = registry_api_look_up(api, schema->subject, schema->text, &is_found, &id, err);
    }
    bool is_there = is_found;
    if (verdict == OK && !is_found) {
        verdict = registry_api_check(api, schema->subject, schema->text, err);
        if (verdict == OK) {
            verdict = registry_api_register(api, schema->subject, schema->text, &id, err);
        }
    }
    if (verdict == OK && !has_subject) {
        verdict = registry_api_set_level(api, schema->subject, &has_subject, err);
    }
    if (verdict != OK) {
        return err_wrap(err, "%s: %s", schema->subject, schema->name);
    }
    printf("schema %s: %s, id %lu\n", schema->name, is_there ? "as it was" : "registered",
           (unsigned long)id);
    return OK;
}

enum verdict schema_registry_release(const struct settings *st, struct err *err)
{
    struct released_schema schemas[RELEASED_MAX];
    struct registry_api *api = NULL;
    size_t count = 0;

    enum verdict verdict = released_list(st, schemas, &count, err);
    if (verdict == OK) {
        verdict = registry_api_open(st, &api, err);
    }
    for (size_t i = 0; verdict == OK && i < count; i++) {
        verdict = release_one(api, &schemas[i], err);
    }
    registry_api_close(api);
    return verdict;
}

enum verdict schema_registry_count(const struct settings *st, size_t *out_known,
                                   size_t *out_missing, struct err *err)
{
    struct released_schema schemas[RELEASED_MAX];
    struct registry_api *api = NULL;
    size_t count = 0;
    size_t known = 0;

    enum verdict verdict = released_list(st, schemas, &count, err);
    if (verdict == OK) {
        verdict = registry_api_open(st, &api, err);
    }
    for (size_t i = 0; verdict == OK && i < count; i++) {
        bool is_found = false;
        uint32_t id;
        verdict =
            registry_api_look_up(api, schemas[i].subject, schemas[i].text, &is_found, &id, err);
        known += verdict == OK && is_found;
    }
    registry_api_close(api);
    if (verdict == OK) {
        *out_known = known;
        *out_missing = count - known;
    }
    return verdict;
}
