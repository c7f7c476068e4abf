/* series_locked.h - series that a batch adds points to, between lock_series and write_series: read from the rows of
 * graph.series_states and made rows again. Part of series_write.h.
 *
 * All memory is the sink's scratch arena. One thread. */
#ifndef METAOPS_SINKS_SERIES_LOCKED_H
#define METAOPS_SINKS_SERIES_LOCKED_H

#include <libpq-fe.h>

#include "core/arena.h"
#include "schemas/graph_rows.h"
#include "series_group.h"

/* What becomes of an alert (graph.series_finding). */
enum series_what {
    SERIES_OFF = 1,
    SERIES_STILL_OFF = 2,
    SERIES_BACK = 3,
    SERIES_WAS_OFF = 4,
    SERIES_NEVER_OFF = 5
};

struct series_finding {
    struct series_finding *next;
    enum series_what what;
    struct series_episode episode;
};

struct series_row {
    struct id128 id;
    int16_t metric;
    bool is_changed;
    bool is_accepted;
    struct id128 accepted_run; /* what it began is expected */
    struct series_limits limits;
    struct str state;                /* as it was stored; empty: nothing was */
    struct str entry;                /* of the group, as it was stored and, once judged, as it is */
    struct series_finding *findings; /* in order */
    struct series_finding **end;
    struct graph_observation *const *items;
    size_t item_count;
};

/* Of what the group's dataset was written; GRAPH_NO_TIME: no telling. */
struct series_writes {
    int64_t last_at_us; /* the newest */
    int64_t late_at_us; /* when the next is late, and stale */
    int64_t stale_at_us;
};

struct series_group {
    struct id128 id;
    int16_t missing; /* what somebody was told that is missing: a write */
    bool has_orders;
    bool has_come; /* what was missing */
    struct series_writes writes;
    struct str states;
    struct series_row *rows; /* that the batch adds points to, by metric */
    size_t row_count;
};

/* Reads one row of lock_series. False: memory is short. */
MUST_CHECK bool series_locked_read(struct series_group *group, const PGresult *result, int row,
                                   struct arena *scratch);

/* Makes the group's rows: one for each metric of items, count of them in the order of metrics, which have to outlive it. False:
 * memory is short. */
MUST_CHECK bool series_locked_begin(struct series_group *group,
                                    struct graph_observation *const *items, size_t count,
                                    struct arena *scratch);

/* Takes what one row of load_series_orders says of a series of the group. An accepted run stands until it is carried out,
 * limits always do: group->has_orders. */
void series_locked_order(struct series_group *group, const PGresult *result, int row);

/* The group's entries with those that have changed in their place. ptr NULL: memory is short. */
struct str series_locked_states(const struct series_group *group, struct arena *scratch);

#endif
