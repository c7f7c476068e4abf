#include "schemas/lineage_event.h"

#include "schemas/identity.h"

const char *lineage_source_name(enum lineage_source source)
{
    switch (source) {
    case SOURCE_HTTP:
        return "http";
    case SOURCE_KAFKA:
        return "kafka";
    case SOURCE_EMITTER:
        return "emitter";
    case SOURCE_FILE:
        return "file";
    }
    return "?";
}

struct id128 lineage_event_id(struct str body)
{
    return identity_digest(body);
}
