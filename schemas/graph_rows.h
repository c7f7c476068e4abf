/* graph_rows.h - what a batch of events wants written: the rows between processors and sinks.
 *
 * Row types stand for tables of schema graph (postgres/0001_graph.sql), in the order in which a sink writes
 * them. Every row names the event that brought it, so that a sink can leave out the rows of an
 * event that turns out to be stored already. Rows are not merged and not sorted: the sink does
 * both. All text is display text (valid UTF-8, no NUL) in the batch's arena; ptr NULL is SQL's null. Times are
 * microseconds since 1970; GRAPH_NO_TIME is null. */
#ifndef METAOPS_SCHEMAS_GRAPH_ROWS_H
#define METAOPS_SCHEMAS_GRAPH_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/id128.h"
#include "core/str.h"
#include "dead_letter.h"
#include "enriched_event.h"
#include "lineage_event.h"
#include "schemas/graph_kubernetes.h"
#include "schemas/graph_servers.h"

#define GRAPH_NO_TIME INT64_MIN

enum graph_direction { GRAPH_INPUT = 0, GRAPH_OUTPUT = 1, GRAPH_SUBJECT = 2 };
enum graph_subject { GRAPH_RUN = 1, GRAPH_JOB = 2, GRAPH_DATASET = 3 };
/* In what respect something may drift, and what its contents are. */
enum graph_drift_aspect {
    GRAPH_DRIFT_STATED = 1,      /* dataset: what writers and dataset events state, by digest */
    GRAPH_DRIFT_JOB = 2,         /* job: what is said of it, by digest */
    GRAPH_DRIFT_IO = 3,          /* job: io sets of its runs */
    GRAPH_DRIFT_WRITERS = 4,     /* dataset: jobs */
    GRAPH_DRIFT_READERS = 5,     /* dataset: jobs */
    GRAPH_DRIFT_FAILURES = 6,    /* job: runs */
    GRAPH_DRIFT_ENVIRONMENT = 7, /* job: descriptions of its runs' environment */
    GRAPH_DRIFT_OWNERS = 8,      /* ownership facets, by digest; no drift by themselves */
};
/* What is known of an asset's minimum metadata, a bit each (graph.minimum_fields says what asks for which). */
enum graph_fact {
    GRAPH_FACT_TYPE = 1 << 0,           /* of a job */
    GRAPH_FACT_VERSION = 1 << 1,        /* of a dataset */
    GRAPH_FACT_URI = 1 << 2,            /* where a dataset lies */
    GRAPH_FACT_IO = 1 << 3,             /* what a job reads or writes, or that it does neither */
    GRAPH_FACT_SOURCE = 1 << 4,         /* the run that wrote a dataset, or where else it is from */
    GRAPH_FACT_COLUMNS = 1 << 5,        /* column lineage */
    GRAPH_FACT_OWNER = 1 << 6,          /* of a dataset or job */
    GRAPH_FACT_CLASSIFICATION = 1 << 7, /* how sensitive a dataset is */
    GRAPH_FACT_LICENCE = 1 << 8,        /* of a dataset */
    GRAPH_FACT_SCHEDULE_OWNER = 1 << 9, /* of a job */
    GRAPH_FACT_SCHEMA = 1 << 10,        /* fields of a dataset */
    GRAPH_FACT_SIZE = 1 << 11,          /* rows or bytes of a dataset */
    GRAPH_FACT_DIGEST = 1 << 12,        /* of a dataset's content */
    GRAPH_FACT_CODE = 1 << 13,          /* where a job's code is, and its commit */
    GRAPH_FACT_DESCRIPTION = 1 << 14,   /* of a dataset or job */
    GRAPH_FACT_UPDATED = 1 << 15,       /* when a dataset was written last */
    GRAPH_FACT_QUALITY = 1 << 16,       /* a result of tests or measures of a dataset */
    GRAPH_FACT_SLA = 1 << 17,           /* what a job promises */
    GRAPH_FACT_ORCHESTRATED = 1 << 18,  /* a run that another one starts */
    GRAPH_FACT_ACTOR = 1 << 19,         /* who started a run */
    GRAPH_FACT_ENGINE = 1 << 20,        /* what ran it, and its version */
    GRAPH_FACT_IMAGE = 1 << 21,         /* digest of the image it ran in */
    GRAPH_FACT_PARAMETERS = 1 << 22,    /* of a run */
    GRAPH_FACT_ENVIRONMENT = 1 << 23,   /* of a run */
    GRAPH_FACT_INPUTS = 1 << 24,  /* what a run reads, or (also of a job) that it reads nothing */
    GRAPH_FACT_OUTPUTS = 1 << 25, /* what a run writes, or (also of a job) that it writes nothing */
};
/* What is measured of a run (graph.series): of its job, or of what it read or wrote. */
enum graph_metric {
    GRAPH_METRIC_GAP = 1,      /* seconds since the write before */
    GRAPH_METRIC_DURATION = 2, /* seconds from START to COMPLETE */
    GRAPH_METRIC_ROWS = 3,
    GRAPH_METRIC_BYTES = 4,
    GRAPH_METRIC_FILES = 5,
    GRAPH_METRIC_PASSED = 6, /* share of assertions that hold */
    GRAPH_METRIC_NULLS = 7,  /* of a column, from here on; share of the rows */
    GRAPH_METRIC_DISTINCT = 8,
    GRAPH_METRIC_MIN = 9,
    GRAPH_METRIC_MAX = 10,
    GRAPH_METRIC_MEAN = 11,
    GRAPH_METRIC_QUANTILE = 1000, /* and thousandths: 1500 is the median */
};
enum graph_place { GRAPH_FACETS = 0, GRAPH_INPUT_FACETS = 1, GRAPH_OUTPUT_FACETS = 2 };

/* A job, a dataset, a model or a deployment under its names. */
struct graph_node {
    uint32_t event;
    struct id128 id;
    struct str namespace_;
    struct str name;
    bool confirmed; /* datasets: named as input, output or subject */
    uint8_t source; /* models and deployments: enum graph_source */
};

/* When and by which event something was said: the later one wins, by time, then by id. */
struct graph_version {
    int64_t at_us;
    struct id128 by;
};

/* What one event claims about a run: its own, or a mention of its parent or root. Attributes that are not
 * claimed have the version's at_us GRAPH_NO_TIME. */
struct graph_run {
    uint32_t event;
    struct id128 id;
    struct str run_id;     /* ptr NULL when the id is the run id */
    uint8_t state;         /* enum openlineage_state: the larger wins */
    int64_t started_at_us; /* of a START: the earliest wins */
    int64_t first_at_us;   /* of an event of the run itself: the earliest wins */
    int64_t ended_at_us;   /* of a terminal event: the latest wins */
    struct graph_version job_version;
    bool job_is_own; /* the run's own event, which beats mentions */
    struct id128 job;
    struct graph_version parent_version;
    struct id128 parent;
    struct id128 root;
    struct graph_version nominal_version;
    int64_t nominal_start_us;
    int64_t nominal_end_us;
    struct graph_version error_version;
    struct str error_message;
    uint32_t facts; /* enum graph_fact, all of them together */
};

/* One event that carries a statement. */
struct graph_statement {
    uint32_t event;
    struct id128 id;
    uint8_t kind;  /* enum openlineage_kind */
    bool is_known; /* the store has it, whatever becomes of this batch */
    bool has_job;
    struct id128 job;
    struct id128 job_description; /* zero: none */
    struct id128 environment;     /* description of what ran it; zero: none */
    bool has_io;
    struct id128 io;
    struct id128 *descriptions; /* of the datasets of io, by ordinal; zero: none */
    uint32_t description_count;
    struct id128 layout; /* of the facets that each event brings itself; zero: none */
    struct str producer;
    int64_t first_at_us;
    struct graph_version last;
    struct graph_version written; /* by a COMPLETE; else GRAPH_NO_TIME */
    bool has_run;
    struct id128 run;
    struct id128 first_run; /* of the event of first_at_us; zero: none */
};

/* What a statement says of one subject in one respect, by the id of its content: where there is another
 * one, something may have drifted (graph.judge_drift). */
struct graph_drift_content {
    uint32_t event;
    struct id128 subject;
    uint8_t aspect; /* enum graph_drift_aspect */
    struct id128 content;
};

/* What a statement tells of the minimum metadata of a dataset or job (enum graph_fact): all that was ever told comes
 * together. */
struct graph_asset_facts {
    uint32_t event;
    struct id128 subject;
    uint8_t subject_kind;
    uint32_t observed; /* by a run's event */
    uint32_t declared; /* by a job or dataset event */
    uint32_t inferred; /* what only readers saw */
    uint32_t
        lasting; /* of observed and declared what is never taken back, as it is told by no static facet */
    uint32_t
        contested; /* not told, by a facet that can tell it: what was told earlier may hold no more */
};

/* A series of numbers, one a run. What runs of a job tell together of one thing (the run, a dataset, a column) is a group,
 * whose series are stored together. */
struct graph_series {
    uint32_t event;
    struct id128 id;
    struct id128 group;
    struct id128 job;
    bool has_dataset;
    struct id128 dataset;
    uint8_t direction; /* of the dataset */
    int16_t metric;    /* enum graph_metric */
    struct str field;  /* ptr NULL: none */
};

/* One number of a series. */
struct graph_observation {
    uint32_t event;
    struct id128 series;
    struct id128 group;
    int16_t metric;
    bool is_of_run; /* the value is the run's duration, which the store knows */
    struct id128 run;
    int64_t at_us;
    double value;
};

/* One dataset of an io set: the inputs and outputs that events of a job name together (or the subject of dataset
 * events). */
struct graph_io {
    uint32_t event;
    struct id128 id;
    int16_t ordinal;
    uint8_t direction;
    struct id128 dataset;
    bool has_job;
    struct id128 job;
};

/* One facet of what a statement says about one subject. */
struct graph_description {
    uint32_t event;
    struct id128 id;
    int16_t ordinal;
    struct str name;
    struct str family;
    struct id128 digest;
    uint32_t facts; /* enum graph_fact: what it tells */
};

/* Where one of an event's own digests belongs. */
struct graph_layout {
    uint32_t event;
    struct id128 id;
    int16_t slot;
    uint8_t subject_kind;
    bool has_subject;
    struct id128 subject;
    uint8_t place;
    struct str name;
    struct str family;
    uint32_t facts; /* as above */
};

struct graph_facet {
    uint32_t event;
    struct id128 digest;
    bool is_deleted;
    struct str content; /* JSON fit for jsonb, without its origin */
    struct str origin;  /* who made it and by which schema, as JSON */
};

struct graph_symlink {
    uint32_t event;
    struct id128 dataset;
    struct id128 other;
    struct str type;
    struct str other_namespace;
    struct str other_name;
};

struct graph_edge {
    uint32_t event;
    struct id128 job;
    uint8_t direction;
    struct id128 dataset;
};

struct graph_column_edge {
    uint32_t event;
    struct id128 output;
    struct id128 job; /* zero for dataset events */
    struct id128 digest;
    int32_t ordinal;
    struct str output_field; /* ptr NULL: the whole dataset */
    struct id128 input;
    struct str input_field;
    struct str type;
    struct str subtype;
    int8_t masking; /* -1: not said */
    struct str description;
};

/* A body that others are stored against. */
struct graph_base {
    uint32_t event;
    struct id128 id;
    struct str body;
};

/* An accepted event. */
struct graph_event {
    struct id128 id;
    int64_t event_time_us;
    int64_t received_at_us;
    bool has_run;
    struct id128 run;
    struct id128 statement;
    bool has_base; /* body is an LZ4 block against that base, else the bytes as they are */
    struct id128 base;
    struct str body;
    int32_t body_bytes;
    struct id128 *facet_digests; /* in the slots of the statement's layout */
    uint32_t facet_digest_count;
    enum lineage_source source;
    struct str event_type;
    struct str topic;
    int32_t partition;
    int64_t kafka_offset;
    int32_t redactions;
    struct str principal;
    struct str emitter_id;
    int64_t emitter_epoch;
    int64_t emitter_sequence;
    struct str idempotency_key;
    bool is_control; /* what MetaOps says of itself: in the ledger, but no event of the graph */
    bool
        is_payload; /* of a prediction, a registry or an action: the ledger has nothing else of it */
    bool is_stored; /* set by the sink: the ledger had it before */
};

/* A change of API keys, without what is kept of the key itself. */
struct graph_key_change {
    uint32_t event;
    struct id128 id; /* of the event */
    bool is_revoked; /* else added */
    struct str key_id;
    struct str name;
    struct str namespaces; /* JSON array of patterns */
    int64_t expires_at_us; /* GRAPH_NO_TIME: never */
    int64_t rate_per_s;    /* here and below 0: as the gateway's settings say */
    int64_t burst;
    int64_t events_per_day;
    int64_t bytes_per_day;
    int64_t at_us;
    struct str by;
    int64_t received_at_us;
    struct str topic;
    int32_t partition;
    int64_t kafka_offset;
};

/* One entry of a report of refusals. */
struct graph_refusal {
    uint32_t event;
    struct id128 id; /* of the report */
    int32_t ordinal;
    struct str key_id;
    int16_t status;
    struct str reason;
    int64_t count;
    int64_t first_us;
    int64_t last_us;
    struct str gateway;
};

/* How something is known; the larger counts. */
enum graph_source { GRAPH_UNKNOWN, GRAPH_INFERRED, GRAPH_DECLARED, GRAPH_OBSERVED };

/* One thing that is said of a version: of two, that of the larger source counts, then the later, then the greater
 * value. */
struct graph_claim {
    uint8_t source; /* enum graph_source; GRAPH_UNKNOWN: nothing is said */
    int64_t at_us;
    int64_t first_at_us; /* when anything was said of it first */
    struct str text;     /* of those that are texts */
    struct id128 id;     /* of those that are ids */
};

/* A version of a model: named by an answer, made by a registry or a training run. */
struct graph_model_version {
    uint32_t event;
    struct id128 model;
    struct str version;
    uint8_t source; /* enum graph_source */
    int64_t first_at_us;
    int64_t last_at_us;
    struct graph_claim artifact_uri; /* as artifact_uri.h forms it */
    struct graph_claim digest;       /* the same */
    struct graph_claim run;
    struct graph_claim registry_run;
    struct graph_claim released; /* at_us is the value: the earliest of the largest source */
};

enum graph_model_fact_kind { GRAPH_MODEL_TAG = 1, GRAPH_MODEL_ALIAS = 2 };

/* What a registry says of a model (version empty) or of a version from some time on: of two the later counts, then
 * what is there, then the greater value. */
struct graph_model_fact {
    uint32_t event;
    struct id128 model;
    struct str version;
    uint8_t kind; /* enum graph_model_fact_kind */
    struct str name;
    struct str value; /* ptr NULL: gone */
    int64_t at_us;
    int64_t first_at_us; /* when it was said first, with a value; GRAPH_NO_TIME: never */
};

/* A run that made what is stored at a place. */
struct graph_model_artifact {
    uint32_t event;
    struct id128 run;
    struct str artifact_uri; /* as artifact_uri.h forms it */
    int64_t at_us;
};

/* The predictions of one model behind one endpoint of a deployment. */
struct graph_inference_stream {
    uint32_t event;
    struct id128 id;
    struct id128 deployment;
    struct id128 model;
    struct str endpoint;
    int64_t first_at_us;
    int64_t last_at_us;
};

/* What of a stream fell into one window: sums. */
struct graph_inference_window {
    uint32_t event;
    struct id128 stream;
    int64_t start_us;
    int64_t requests;
    int64_t answers;
    int64_t errors;
    int64_t feedbacks;
    int64_t rewarded; /* feedbacks with a reward */
    int64_t reward_micros;
};

/* The tensors of one name and form in the requests (inputs) or answers (outputs) of a window: sums. */
struct graph_inference_tensor {
    uint32_t event;
    struct id128 stream;
    int64_t start_us;
    uint8_t direction; /* enum graph_direction */
    struct str name;
    struct str datatype;
    struct str shape; /* JSON; the first dimension is -1, as it differs from request to request */
    int64_t tensors;
    int64_t instances; /* of the first dimension */
};

/* A version of the model that answers of a window name. */
struct graph_inference_version {
    uint32_t event;
    struct id128 stream;
    int64_t start_us;
    struct str version;
    int64_t answers;
    int64_t first_at_us;
    int64_t last_at_us;
};

/* A request and its answer, each at its earliest; GRAPH_NO_TIME: not seen, or without a time. */
struct graph_inference_pair {
    uint32_t event;
    struct id128 id;
    struct id128 stream;
    int64_t request_at_us;
    int64_t answer_at_us;
};

/* A detector, by one of its answers. */
struct graph_monitor {
    uint32_t event;
    struct id128 id;
    struct str namespace_;
    struct str name;
    struct id128 stream;
    bool is_apart; /* it watches the stream; else the stream's answers are its own */
    uint8_t kind;  /* enum detector_kind */
    int64_t first_at_us;
    int64_t last_at_us;
    struct graph_version described; /* of what follows; GRAPH_NO_TIME: nothing is said */
    struct str detector;            /* these: ptr NULL when not said */
    struct str detector_type;
    struct str data_type;
    struct str version;
};

/* What a detector said once. */
struct graph_drift_evaluation {
    uint32_t event;
    struct id128 id; /* of the event */
    struct id128 monitor;
    int64_t at_us;
    uint8_t state; /* enum detector_state */
    uint8_t kind;  /* enum detector_kind */
    int32_t judged;
    int32_t drifted;
    double distance; /* here and below NAN: not said */
    double p_value;
    double threshold;
    struct str request_id;
};

/* The number that an emitter gave a record, whether its event is new or not. */
struct graph_sequence {
    uint32_t event; /* UINT32_MAX: numbers belong to records, not to events */
    int64_t epoch;
    int64_t sequence;
    int64_t received_at_us;
    struct str emitter;
};

/* Numbers that an emitter says it had to drop. */
struct graph_gap {
    uint32_t event; /* UINT32_MAX */
    int64_t epoch;
    int64_t from_seq;
    int64_t to_seq;
    int64_t received_at_us;
    struct str emitter;
    struct str reason;
};

/* How far a partition moves with this batch: the fence. */
struct graph_position {
    struct str topic;
    int32_t partition;
    int64_t expected_offset; /* what the offset row must hold now */
    int64_t next_offset;
    struct id128 last_id; /* digest of the value of record next_offset - 1 */
    int64_t last_timestamp_ms;
};

#define GRAPH_ROWS(type)                                                                           \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count;                                                                              \
        size_t capacity;                                                                           \
    }

/* Tables of rows in struct graph_batch. */
#define GRAPH_TABLES 44

struct graph_batch {
    GRAPH_ROWS(struct graph_position) positions;
    GRAPH_ROWS(struct graph_event) events;
    GRAPH_ROWS(struct enriched_event) enriched; /* for sinks that take events */
    GRAPH_ROWS(struct dead_letter) letters;
    GRAPH_ROWS(struct graph_facet) facets;
    GRAPH_ROWS(struct graph_node) jobs;
    GRAPH_ROWS(struct graph_node) datasets;
    GRAPH_ROWS(struct graph_symlink) symlinks;
    GRAPH_ROWS(struct graph_edge) edges;
    GRAPH_ROWS(struct graph_column_edge) column_edges;
    GRAPH_ROWS(struct graph_io) io;
    GRAPH_ROWS(struct graph_description) descriptions;
    GRAPH_ROWS(struct graph_layout) layouts;
    GRAPH_ROWS(struct graph_statement) statements;
    GRAPH_ROWS(struct graph_drift_content) drift_contents;
    GRAPH_ROWS(struct graph_asset_facts) asset_facts;
    GRAPH_ROWS(struct graph_series) series;
    GRAPH_ROWS(struct graph_observation) observations;
    GRAPH_ROWS(struct graph_run) runs;
    GRAPH_ROWS(struct graph_base) bases;
    GRAPH_ROWS(struct graph_key_change) key_changes;
    GRAPH_ROWS(struct graph_refusal) refusals;
    GRAPH_ROWS(struct graph_node) models;
    GRAPH_ROWS(struct graph_node) deployments;
    GRAPH_ROWS(struct graph_model_version) model_versions;
    GRAPH_ROWS(struct graph_model_fact) model_facts;
    GRAPH_ROWS(struct graph_model_artifact) model_artifacts;
    GRAPH_ROWS(struct graph_run_mark) run_marks;
    GRAPH_ROWS(struct graph_inference_stream) inference_streams;
    GRAPH_ROWS(struct graph_inference_window) inference_windows;
    GRAPH_ROWS(struct graph_inference_tensor) inference_tensors;
    GRAPH_ROWS(struct graph_inference_version) inference_versions;
    GRAPH_ROWS(struct graph_inference_pair) inference_pairs;
    GRAPH_ROWS(struct graph_monitor) monitors;
    GRAPH_ROWS(struct graph_drift_evaluation) drift_evaluations;
    GRAPH_ROWS(struct graph_action) actions;
    GRAPH_ROWS(struct graph_k8s_object) k8s_objects;
    GRAPH_ROWS(struct graph_k8s_state) k8s_states;
    GRAPH_ROWS(struct graph_server_observation) server_observations;
    GRAPH_ROWS(struct graph_server_description) server_descriptions;
    GRAPH_ROWS(struct graph_server_count) server_counts;
    GRAPH_ROWS(struct graph_sequence) sequences;
    GRAPH_ROWS(struct graph_gap) gaps;
    GRAPH_ROWS(struct id128)
    known;               /* content ids to remember as stored once this batch is committed */
    size_t stored_count; /* set by the sink: events that the ledger had before */
};

/* Room for one more row at the end of rows (a GRAPH_ROWS): a zeroed row, or NULL when memory is short. */
#define graph_rows_add(rows)                                                                       \
    ((__typeof__((rows)->items))graph_rows_grow((void **)&(rows)->items, &(rows)->count,           \
                                                &(rows)->capacity, sizeof *(rows)->items))
void *graph_rows_grow(void **items, size_t *count, size_t *capacity, size_t item_bytes);

/* Forgets the rows, keeps the memory. */
void graph_batch_reset(struct graph_batch *rows);

/* How many rows each table has, to go back to when an event cannot be finished. */
struct graph_mark {
    size_t counts[GRAPH_TABLES];
};
struct graph_mark graph_batch_mark(const struct graph_batch *rows);
void graph_batch_rewind(struct graph_batch *rows, const struct graph_mark *mark);

/* Frees the memory; a zeroed batch is fine. */
void graph_batch_fini(struct graph_batch *rows);

#endif
