/* released.h - every schema version we ever released, with its fingerprint and where it belongs.
 *
 * Made from the .avsc files in the program. Pure; any thread. */
#ifndef METAOPS_SCHEMAS_RELEASED_H
#define METAOPS_SCHEMAS_RELEASED_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/str.h"

struct settings;

#define RELEASED_MAX 64
#define RELEASED_SUBJECT_BYTES 264

enum released_family {
    RELEASED_EVENT,
    RELEASED_DEAD_LETTER,
    RELEASED_ENRICHED,
    RELEASED_ALERT,
    RELEASED_FAMILIES
};

struct released_schema {
    const char *name; /* lineage_event.v1.avsc */
    enum released_family family;
    int version;
    struct str text;
    uint64_t fingerprint;
    char subject[RELEASED_SUBJECT_BYTES]; /* TopicNameStrategy: <topic>-value */
};

/* Fills schemas (RELEASED_MAX of them) by family, then version. FATAL: BUG, a file is no schema. */
MUST_CHECK enum verdict released_list(const struct settings *st, struct released_schema *schemas,
                                      size_t *out_count, struct err *err);

#endif
