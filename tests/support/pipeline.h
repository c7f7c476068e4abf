/* pipeline.h - the stages of one lane without threads and Kafka: OpenLineage JSON in, rows out. */
#ifndef METAOPS_TESTS_SUPPORT_PIPELINE_H
#define METAOPS_TESTS_SUPPORT_PIPELINE_H

#include "core/settings.h"
#include "processors/stages.h"

#define PIPELINE_TOPIC "openlineage.events" /* plain JSON */

struct pipeline {
    struct settings st;
    struct known_set *known;
    struct known_set *events;
    struct processor *pr;
    struct batch *bt;
    struct event_codec *codec; /* of pipeline_add_event */
    GRAPH_ROWS(void *) encoded;
};

/* flags (NULL allowed): NULL-ended, as on the command line. Fails the test that calls it. */
void pipeline_init(struct pipeline *pl, const char *const *flags);

/* Adds a record with this value to the topic (a literal). It is not copied. */
void pipeline_add_to(struct pipeline *pl, const char *topic, struct str value);

/* Adds a record with this event in Avro to the topic (a literal). */
void pipeline_add_event(struct pipeline *pl, const char *topic, const struct lineage_event *ev);

/* As pipeline_add_to with PIPELINE_TOPIC. */
void pipeline_add(struct pipeline *pl, struct str value);

/* Makes rows of all records; they must all fit. */
void pipeline_run(struct pipeline *pl);

/* Both, for one event; its number in rows.events. */
uint32_t pipeline_event(struct pipeline *pl, const char *json);

/* As the sink does after COMMIT: what is in rows is stored; then an empty batch. */
void pipeline_commit(struct pipeline *pl);

/* An empty batch; nothing was stored. */
void pipeline_reset(struct pipeline *pl);

void pipeline_fini(struct pipeline *pl);

/* The same for cmocka: *state is a struct pipeline, without flags. */
int pipeline_setup(void **state);
int pipeline_teardown(void **state);

#endif
