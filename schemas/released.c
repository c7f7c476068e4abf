#include "schemas/released.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/settings.h"
#include "schemas/canonical_schema.h"
#include "schemas/embedded.h"

#define WHERE "released"
#define FOLDER "avro/"

static const char *const families[RELEASED_FAMILIES] = {
    [RELEASED_EVENT] = "lineage_event",
    [RELEASED_DEAD_LETTER] = "dead_letter",
    [RELEASED_ENRICHED] = "enriched_event",
    [RELEASED_ALERT] = "alert",
};

static const char *topic_of(const struct settings *st, enum released_family family)
{
    switch (family) {
    case RELEASED_EVENT:
        return st->kafka.topic_events;
    case RELEASED_DEAD_LETTER:
        return st->kafka.topic_dead_letters;
    case RELEASED_ALERT:
        return st->kafka.topic_alerts;
    case RELEASED_ENRICHED:
    default:
        return st->kafka.topic_enriched;
    }
}

static int compare(const void *a, const void *b)
{
    const struct released_schema *x = a;
    const struct released_schema *y = b;

    return x->family != y->family ? (int)x->family - (int)y->family : x->version - y->version;
}

/* family.vN.avsc */
static bool read_name(const char *name, struct released_schema *schema)
{
    for (int family = 0; family < RELEASED_FAMILIES; family++) {
        size_t len = strlen(families[family]);
        if (strncmp(name, families[family], len) == 0 && strncmp(name + len, ".v", 2) == 0) {
            schema->name = name;
            schema->family = (enum released_family)family;
            schema->version = (int)strtol(name + len + 2, NULL, 10);
            return schema->version > 0;
        }
    }
    return false;
}

enum verdict released_list(const struct settings *st, struct released_schema *schemas,
                           size_t *out_count, struct err *err)
{
    size_t count = 0;

    for (const struct embedded_file *file = schemas_files; file->name; file++) {
        if (strncmp(file->name, FOLDER, strlen(FOLDER)) != 0) {
            continue;
        }
        struct released_schema *schema = &schemas[count];
        if (count == RELEASED_MAX || !read_name(file->name + strlen(FOLDER), schema)) {
            return err_set(err, FATAL, WHERE, "BUG: %s has no place", file->name);
        }
        schema->text = file->text;
        snprintf(schema->subject, sizeof(schema->subject), "%s-value",
                 topic_of(st, schema->family));
        if (canonical_schema_fingerprint(file->text, &schema->fingerprint, err) != OK) {
            err_wrap(err, "BUG: %s", file->name);
            err->verdict = FATAL;
            return FATAL;
        }
        count++;
    }
    qsort(schemas, count, sizeof(*schemas), compare);
    *out_count = count;
    return OK;
}
