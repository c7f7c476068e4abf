/* rows.h - helpers of normalize: single rows with their texts, each content row once.
 *
 * Content rows (jobs, datasets, edges, ...) are left out when the id they stand for is known to be stored or is
 * already in the batch. All return OK, or RETRY when memory is short. */
#ifndef METAOPS_PROCESSORS_ROWS_H
#define METAOPS_PROCESSORS_ROWS_H

#include "stages.h"

struct rows {
    struct processor *pr;
    struct batch *bt;
    struct event_work *work;
    struct str topic;
};

/* RETRY, memory is short. */
enum verdict rows_short(struct err *err);

/* Another id for another fact about the same thing. */
struct id128 rows_tagged(struct id128 id, uint8_t tag);

/* The event at hand, as a version. */
struct graph_version rows_version(const struct rows *rs);

/* *out_is_new: the content under id is neither stored nor in the batch; it is from now on. */
MUST_CHECK enum verdict rows_once(struct rows *rs, struct id128 id, bool *out_is_new,
                                  struct err *err);

/* A member's content when it is a string, a view of the body or in scratch; empty for all else. OK, or RETRY when the
 * arena is full. */
MUST_CHECK enum verdict rows_member(struct rows *rs, const struct json_value *object,
                                    const char *name, struct str *out_text, struct err *err);

/* Display text in the batch's arena. */
MUST_CHECK enum verdict rows_text(struct rows *rs, struct str text, struct str *out_text,
                                  struct err *err);

/* The same of several texts: of those behind the first `needed` ones, an empty text is left out. */
struct rows_pair {
    struct str from;
    struct str *into;
};
MUST_CHECK enum verdict rows_texts(struct rows *rs, const struct rows_pair *pairs, size_t count,
                                   size_t needed, struct err *err);

/* Fills rs->topic. */
MUST_CHECK enum verdict rows_topic(struct rows *rs, struct err *err);

/* The row of an event of which the ledger keeps the id and nothing else is stored. Fills rs->topic. */
MUST_CHECK enum verdict rows_id_only(struct rows *rs, int64_t event_time_us, struct err *err);

MUST_CHECK enum verdict rows_job(struct rows *rs, const struct openlineage_job *job,
                                 struct err *err);
MUST_CHECK enum verdict rows_dataset(struct rows *rs, struct str namespace_, struct str name,
                                     struct id128 id, bool is_confirmed, struct err *err);
MUST_CHECK enum verdict rows_edge(struct rows *rs, struct id128 job, uint8_t direction,
                                  struct id128 dataset, struct err *err);

/* The content of one facet. */
MUST_CHECK enum verdict rows_facet(struct rows *rs, const struct facet_ref *ref, struct err *err);

/* The event's own run, and those of its parent facet. */
MUST_CHECK enum verdict rows_runs(struct rows *rs, struct err *err);

#endif
