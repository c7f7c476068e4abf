#include "random_rows.h"

#include "schemas/identity.h"

#define EVENTS 12
#define TIMES 3
#define FIRST_TIME_US INT64_C(1790000000000000)

struct random_rows random_rows_begin(uint64_t seed)
{
    return (struct random_rows){.state = seed * 2654435761u + 1};
}

size_t random_rows_below(struct random_rows *rr, size_t limit)
{
    rr->state = rr->state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)((rr->state >> 33) % limit);
}

static struct id128 numbered(char kind, uint8_t number)
{
    char text[2] = {kind, (char)number};
    return identity_digest((struct str){text, sizeof text});
}

/* Event number n has one time. */
static int64_t time_of(uint8_t event)
{
    return FIRST_TIME_US + event % TIMES;
}

struct graph_run random_rows_run(struct random_rows *rr, uint8_t id)
{
    static const char *const messages[EVENTS] = {"a", "b", "c", "d", "e", "f",
                                                 "g", "h", "i", "j", "k", "l"};
    uint8_t event = (uint8_t)random_rows_below(rr, EVENTS);
    struct graph_version version = {.at_us = time_of(event), .by = numbered('e', event)};
    struct graph_version none = {.at_us = GRAPH_NO_TIME};
    struct graph_run run = {.id = numbered('r', id),
                            .started_at_us = GRAPH_NO_TIME,
                            .first_at_us = GRAPH_NO_TIME,
                            .ended_at_us = GRAPH_NO_TIME,
                            .nominal_start_us = GRAPH_NO_TIME,
                            .nominal_end_us = GRAPH_NO_TIME,
                            .job_version = none,
                            .parent_version = none,
                            .nominal_version = none,
                            .error_version = none};
    run.job = numbered('j', (uint8_t)random_rows_below(rr, 3));
    if (random_rows_below(rr, 3) == 0) { /* a mention, sometimes without a job */
        run.job_version = random_rows_below(rr, 4) ? version : none;
        return run;
    }
    run.job = numbered('j', event % 4);
    run.job_is_own = true;
    run.facts = 1u << event;
    run.job_version = version;
    run.state = event % 5;
    run.first_at_us = version.at_us;
    run.started_at_us = event % 5 == 1 ? version.at_us : GRAPH_NO_TIME;
    run.ended_at_us = event % 5 > 1 ? version.at_us : GRAPH_NO_TIME;
    if (event % 2) {
        run.parent_version = version;
        run.parent = numbered('p', event);
        run.root = numbered('q', event);
    }
    if (event % 3) {
        run.nominal_version = version;
        run.nominal_start_us = FIRST_TIME_US + event;
        run.nominal_end_us = event % 2 ? GRAPH_NO_TIME : FIRST_TIME_US + 100 + event;
    }
    if (event % 3 == 1) {
        run.error_version = version;
        run.error_message = str_view(messages[event]);
    }
    return run;
}

struct graph_statement random_rows_statement(struct random_rows *rr, uint8_t id)
{
    uint8_t event = (uint8_t)random_rows_below(rr, EVENTS);
    struct graph_version version = {.at_us = time_of(event), .by = numbered('e', event)};
    return (struct graph_statement){
        .id = numbered('s', id),
        .kind = 1,
        .has_job = true,
        .job = numbered('j', id),
        .job_description = numbered('d', id),
        .has_io = true,
        .io = numbered('i', id % 2),
        .producer = STR("p"),
        .first_at_us = version.at_us,
        .last = version,
        .written = event % 2 ? version : (struct graph_version){GRAPH_NO_TIME, {{0}}},
        .has_run = true,
        .run = numbered('r', event % 3)};
}
