/* enriched_event.h - an accepted event with what it names, as others read it from
 * kafka.topic_enriched (avro/enriched_event.v1.avsc).
 *
 * All text is borrowed and valid UTF-8; ptr NULL is null. */
#ifndef METAOPS_SCHEMAS_ENRICHED_EVENT_H
#define METAOPS_SCHEMAS_ENRICHED_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/id128.h"
#include "core/str.h"
#include "lineage_event.h"

struct framing;

/* A job or a dataset. */
struct enriched_node {
    struct str namespace_;
    struct str name;
};

/* run_id ptr NULL: no such run. */
struct enriched_run {
    struct str run_id;
    struct enriched_node job;
};

struct enriched_event {
    uint32_t event; /* its number in the batch's events */
    struct str key; /* of the record that brought it */
    struct id128 event_id;
    int64_t event_time_us;
    int64_t received_at_us;
    int kind; /* enum openlineage_kind */
    struct str event_type;
    struct enriched_run run; /* the event's own, with its job */
    struct enriched_run parent;
    struct enriched_run root;
    struct enriched_node dataset; /* of dataset events */
    struct enriched_node *inputs;
    struct enriched_node *outputs;
    uint32_t input_count;
    uint32_t output_count;
    struct str producer;
    enum lineage_source source;
    struct str principal;
    int32_t redactions;
    struct str format;
    struct str body;
    struct str source_topic;
    int32_t source_partition;
    int64_t source_offset;
    int64_t source_resume_offset;
};

/* Where a record of the topic came from. */
struct enriched_place {
    struct id128 event_id;
    struct str source_topic;
    int32_t source_partition;
    int64_t source_offset;
    int64_t source_resume_offset;
};

/* Avro, framed as framing (NULL allowed) has it, malloc'd, the caller's. RETRY when memory is short or
 * as framing_write. */
MUST_CHECK enum verdict enriched_event_encode(struct framing *framing,
                                              const struct enriched_event *ev, void **out_bytes,
                                              size_t *out_len, struct err *err);

/* Reads where a record came from; texts point into bytes. REJECT for what is no such record, else as
 * framing_read. */
MUST_CHECK enum verdict enriched_event_place(struct framing *framing, struct str bytes,
                                             struct enriched_place *out_place, struct err *err);

#endif
