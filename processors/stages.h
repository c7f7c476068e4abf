/* stages.h - the steps from a Kafka record to rows, as tables: decode, numbers, conceal, identify and dedup for all;
 * then, by what the body is, check, enrich and normalize (openlineage), control (cloudevents), observe (payload),
 * register (mlflow), act (audit events of Kubernetes), watch (its objects), or poll (unread).
 *
 * A processor carries what the steps of one lane share; it belongs to that lane's pool thread. Each
 * record runs through all steps while it is warm in the cache; a step answers OK, REJECT (the
 * record becomes a dead letter, its neighbours go on) or RETRY (memory is short: the batch is tried
 * again later). dedup stands before check because a known id has passed check before. */
#ifndef METAOPS_PROCESSORS_STAGES_H
#define METAOPS_PROCESSORS_STAGES_H

#include <pthread.h>
#include <stdatomic.h>

#include "batch.h"
#include "core/json.h"
#include "core/known_set.h"
#include "schemas/event_codec.h"
#include "schemas/openlineage.h"

struct settings;
struct facet_cache;
struct base_cache;
struct kube_audit;
struct kube_watch;
struct payload_event;
struct redact;
struct framing;

/* A facet of the event at hand. */
struct facet_ref {
    uint8_t subject_kind; /* enum graph_subject */
    uint8_t place;        /* enum graph_place */
    bool is_static;       /* says the same from run to run: part of the statement */
    bool is_deleted;
    struct id128 subject; /* zero for the run */
    struct str name;      /* decoded */
    struct str family;    /* producer family, decoded */
    const struct json_value *value;
    struct id128 digest;
};

/* Some of event_work.facets. */
struct facet_range {
    uint32_t first;
    uint32_t count;
};

#define POISON_MAX 1024
#define REFUSED_BASES_MAX 64

struct processor {
    struct event_codec *codec;
    struct json_doc *doc;
    struct json_doc *facet_doc; /* a single facet in canonical form */
    struct arena *scratch;      /* dies with each event */
    struct redact *redact;
    struct facet_cache *facets;
    struct base_cache *bases;
    struct known_set *known;  /* content that is stored */
    struct known_set *events; /* event ids that are stored */
    bool takes_events;        /* of the sink: event_stages instead of stages */
    bool is_replay; /* records are stored bodies (value), named by their event's id (key) */
    const char *json_topics; /* comma list: plain OpenLineage JSON */
    const char *topic_keys;  /* the only one from which key changes are taken */
    size_t body_bytes_max;
    struct {
        struct id128 id;
        char reason[128];
    } poison[POISON_MAX]; /* events that the database refused; told by the sink thread */
    pthread_mutex_t poison_lock;
    atomic_uint poison_count;
    struct id128
        refused_bases[REFUSED_BASES_MAX]; /* under poison_lock; erased, told by the sink thread */
    atomic_uint refused_base_count;
};

/* The event at hand, built up from step to step. */
struct event_work {
    const struct kafka_record *record;
    const struct stage_format *format; /* set by decode */
    uint32_t event;                    /* its number in rows.events, once it is there */
    struct lineage_event ev;
    struct openlineage_event ol;
    struct payload_event *payload; /* of that format, set by identify */
    struct kube_audit *audit;      /* of that format, set by identify */
    struct kube_watch *watch;      /* of that format, set by identify */
    struct json_fault fault;       /* of REJECT in check */
    bool has_place;                /* of fault, though its reason is in err */
    struct err unread;             /* why there is nothing in doc */
    bool is_unread;                /* the body is no JSON */
    bool is_plain;                 /* the record's value is the body itself */
    bool is_concealed;             /* the body has been redacted */
    bool is_changed;               /* and there was something to redact */
    bool is_duplicate;             /* set by dedup: certainly stored, nothing left to do */
    struct facet_ref *facets;
    uint32_t facet_count;
    struct facet_range job_facets;
    struct facet_range *input_facets; /* static ones of each input, output and the subject */
    struct facet_range *output_facets;
    struct facet_range subject_facets;
};

struct stage {
    const char *name;
    enum verdict (*run)(struct processor *pr, struct batch *bt, struct event_work *work,
                        struct err *err);
};

extern const struct stage stages[];

/* What a body can be, and the steps for it. */
struct stage_format {
    const char *name; /* as in the record */
    uint8_t tag;      /* tells ids of one format from those of another within a batch */
    bool
        is_payload; /* its events have an id of their own (payload_event.h), not that of the body */
    bool is_audit; /* the same (kube_audit.h); what is secret shows only in JSON that can be read */
    bool is_watch; /* the same (kube_watch.h) */
    const struct stage *stages;
    const struct stage *event_stages; /* for sinks that take events (flow.h) */
};

/* NULL for one that nobody knows. */
const struct stage_format *stages_format(struct str name);

/* A processor for one lane. framing may be NULL. RETRY when memory is short. Free with stages_processor_free. */
MUST_CHECK enum verdict stages_processor_new(const struct settings *st, struct known_set *known,
                                             struct known_set *events, struct framing *framing,
                                             struct processor **out_processor, struct err *err);

/* Turns records of bt, from number first on, into rows (positions stay as they are) until all are done or the
 * texts of rows fill half the batch's arena; *out_next is the number of the first record left. OK; RETRY when
 * memory is short: the rows are then incomplete. Unusable records become rows of letters. */
MUST_CHECK enum verdict stages_run(struct processor *pr, struct batch *bt, size_t first,
                                   size_t *out_next, struct err *err);

/* Remembers an event that the database refused, so that it becomes a dead letter when it is read
 * again. Any thread. */
void stages_poison(struct processor *pr, struct id128 event_id, const char *reason);

/* The reason, copied into reason (size bytes), if the event is remembered so. Any thread. */
bool stages_is_poison(struct processor *pr, struct id128 event_id, char *reason, size_t size);

/* Remembers that no body may be stored against this one, as it was erased. Any thread. */
void stages_refuse_base(struct processor *pr, struct id128 base);
bool stages_is_refused_base(struct processor *pr, struct id128 base);

/* NULL is allowed. */
void stages_processor_free(struct processor *pr);

enum verdict decode_run(struct processor *pr, struct batch *bt, struct event_work *work,
                        struct err *err);
enum verdict numbers_run(struct processor *pr, struct batch *bt, struct event_work *work,
                         struct err *err);
enum verdict conceal_run(struct processor *pr, struct batch *bt, struct event_work *work,
                         struct err *err);
enum verdict identify_run(struct processor *pr, struct batch *bt, struct event_work *work,
                          struct err *err);
enum verdict dedup_run(struct processor *pr, struct batch *bt, struct event_work *work,
                       struct err *err);
enum verdict check_run(struct processor *pr, struct batch *bt, struct event_work *work,
                       struct err *err);
enum verdict enrich_run(struct processor *pr, struct batch *bt, struct event_work *work,
                        struct err *err);
enum verdict gather_run(struct processor *pr, struct batch *bt, struct event_work *work,
                        struct err *err);
enum verdict control_run(struct processor *pr, struct batch *bt, struct event_work *work,
                         struct err *err);
enum verdict observe_run(struct processor *pr, struct batch *bt, struct event_work *work,
                         struct err *err);
enum verdict register_run(struct processor *pr, struct batch *bt, struct event_work *work,
                          struct err *err);
enum verdict act_run(struct processor *pr, struct batch *bt, struct event_work *work,
                     struct err *err);
enum verdict watch_run(struct processor *pr, struct batch *bt, struct event_work *work,
                       struct err *err);
enum verdict unread_run(struct processor *pr, struct batch *bt, struct event_work *work,
                        struct err *err);
enum verdict normalize_run(struct processor *pr, struct batch *bt, struct event_work *work,
                           struct err *err);

#endif
