/* graph_servers.h - rows of graph_rows.h that say what was seen of servers of models (server_report.h). Each begins with the
 * number of the event in the batch that brought it. */
#ifndef METAOPS_SCHEMAS_GRAPH_SERVERS_H
#define METAOPS_SCHEMAS_GRAPH_SERVERS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/id128.h"
#include "core/str.h"

/* In which state a server, or a version of a model on it, was at a moment. */
struct graph_server_observation {
    uint32_t event;
    struct id128 deployment;
    struct id128 model; /* zero: of the server itself */
    struct str version;
    int64_t at_us;
    struct str state;
    struct str reason;
    bool is_whole; /* of the server itself: at that moment every model of it was named */
};

/* What a server says of itself (model zero) or of a version of a model: of two the later counts, then the greater event. */
struct graph_server_description {
    uint32_t event;
    struct id128 deployment;
    struct id128 model;
    struct str version;
    int64_t at_us;
    struct id128 by;
    struct str platform;  /* of the server itself: version of its software */
    struct str libraries; /* JSON arrays; of the server itself: its extensions */
    struct str inputs;    /* ptr NULL of the server itself */
    struct str outputs;
};

/* What a server had counted for a model since it started; of two at one moment the greatest of each. It began to count
 * at began_us; GRAPH_NO_TIME: not told. */
struct graph_server_count {
    uint32_t event;
    struct id128 deployment;
    struct id128 model;
    int64_t at_us;
    int64_t successes;
    int64_t failures;
    int64_t timed;
    int64_t duration_us;
    int64_t began_us;
};

#endif
