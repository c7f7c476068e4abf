/* server_report.h - what `metaops poll` saw of a server of models: CloudEvents 1.0 events of our own on the topic of events.
 *
 * An observation (io.metaops.server.observed) says in which state the server and models on it are from its time on. A whole one
 * names every model that is there, so that one that it leaves out is gone; others name only those of which something
 * is new. Counts (io.metaops.server.counted) are what the server has counted since it started, for each model.
 *
 * Servers and models have the names and the namespace by which payloads of predictions name them (payload_event.h). */
#ifndef METAOPS_SCHEMAS_SERVER_REPORT_H
#define METAOPS_SCHEMAS_SERVER_REPORT_H

#include "schemas/cloud_event.h"

#define SERVER_OBSERVED_TYPE CLOUD_EVENT_OWN_TYPES "server.observed"
#define SERVER_COUNTED_TYPE CLOUD_EVENT_OWN_TYPES "server.counted"

/* Most models (each of its versions is one) of one report. */
#define SERVER_REPORT_MODELS_MAX 1000
/* Longer names, versions, states and reasons are refused. */
#define SERVER_REPORT_NAME_BYTES_MAX 255
#define SERVER_REPORT_STATE_BYTES_MAX 32
#define SERVER_REPORT_REASON_BYTES_MAX 500

/* Of the server itself. What else may stand there is what the server says of a model: READY, LOADING, UNAVAILABLE, ... */
#define SERVER_IS_READY "READY"
#define SERVER_IS_NOT_READY "NOT_READY"
#define SERVER_IS_AWAY "UNREACHABLE"
/* Of a model: it is not on the server any more. */
#define SERVER_MODEL_IS_GONE "GONE"

struct server_model {
    struct str model;
    struct str version; /* empty: it has none */
    struct str state;
    struct str reason; /* empty: none */
    /* What it is; ptr NULL: not told this time. The last three are JSON arrays: of texts NAME/VERSION, and of objects with
     * name, datatype and shape. */
    struct str platform;
    struct str libraries;
    struct str inputs;
    struct str outputs;
};

/* By model, then by version, as memcmp. */
int server_model_order(const struct server_model *a, const struct server_model *b);

struct server_report {
    struct str namespace_; /* empty: none */
    struct str server;
    struct str state;
    struct str reason;
    bool is_whole;
    struct str version;    /* of its software; ptr NULL: not told this time */
    struct str extensions; /* JSON array; the same */
    struct server_model *models;
    uint32_t model_count;
};

struct server_count {
    struct str model;
    int64_t successes;
    int64_t failures;
    int64_t timed; /* requests whose time is in duration_us */
    int64_t duration_us;
    int64_t
        began_us; /* when it began to count for this model: another time means that it has started anew; 0: not told */
};

struct server_counts {
    struct str namespace_;
    struct str server;
    struct server_count *models;
    uint32_t model_count;
};

/* The data of ce, by its type. Strings are views of doc's text or lie in arena; JSON is in the form of json_clean. REJECT with
 * the place of what is missing or wrong (fault may be NULL), RETRY when the arena is full. */
MUST_CHECK enum verdict server_report_read(const struct json_doc *doc, const struct cloud_event *ce,
                                           struct arena *arena, struct server_report *out_report,
                                           struct json_fault *fault, struct err *err);
MUST_CHECK enum verdict server_counts_read(const struct json_doc *doc, const struct cloud_event *ce,
                                           struct arena *arena, struct server_counts *out_counts,
                                           struct json_fault *fault, struct err *err);

/* A model as it stands in an event; for whoever asks whether two say the same. */
void server_model_write(FILE *out, const struct server_model *model);

/* The event as text, malloc'd, the caller's; ptr NULL when memory is short. */
struct str server_report_write(const struct server_report *report, int64_t now_us);
struct str server_counts_write(const struct server_counts *counts, int64_t now_us);

#endif
