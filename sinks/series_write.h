/* series_write.h - the numbers of a batch, put into the series that they belong to, within the sink's transaction.
 *
 * Numbers of events that turned out to be new only. In turn: series_write_names, series_write_begin, series_write_runs on
 * the result of upsert_runs, series_write_lock, series_write_states on its result, series_write_orders and (when it sent)
 * series_write_ordered on its result, series_write_send. Between the calls the sink sends and reads. All memory is the
 * sink's scratch arena. One thread. */
#ifndef METAOPS_SINKS_SERIES_WRITE_H
#define METAOPS_SINKS_SERIES_WRITE_H

#include "core/arena.h"
#include "pg_bind.h"
#include "schemas/graph_rows.h"

struct pg_result;
struct series_group;

struct series_write {
    struct arena *scratch;
    int64_t lateness_us;
    struct graph_observation **items; /* by group and metric, then in the order of events */
    size_t count;
    struct graph_observation **of_runs; /* that want to know what their run took, by run */
    size_t of_run_count;
    struct series_group *groups; /* that were locked */
    size_t group_count;
    const struct graph_batch *batch;
    size_t finding_count;
    bool is_short; /* memory was short while results were read */
};

/* Sends insert_series, when there are series that may be new; in one order, as all tables, behind which it comes.
 * RETRY when memory is short or the connection is gone. */
MUST_CHECK enum verdict series_write_names(const struct graph_batch *rows, struct arena *scratch,
                                           struct pg_bind *bind, struct pg_conn *pg,
                                           struct err *err);

/* Notes the numbers of new events; with none of either kind nothing is left to do. RETRY when memory is short. */
MUST_CHECK enum verdict series_write_begin(struct series_write *sw, const struct graph_batch *rows,
                                           struct arena *scratch, int64_t lateness_us,
                                           struct err *err);

/* Any result of the batch's statements; looks at that of upsert_runs only. */
void series_write_runs(struct series_write *sw, const struct pg_result *result);

/* Sends lock_series; *out_is_sent is false when there is nothing to lock. */
MUST_CHECK enum verdict series_write_lock(struct series_write *sw, struct pg_bind *bind,
                                          struct pg_conn *pg, bool *out_is_sent, struct err *err);

/* Any result; looks at that of lock_series only. */
void series_write_states(struct series_write *sw, const struct pg_result *result);

/* Sends load_series_orders for groups that have orders, or series that may be new; *out_is_sent is false when there are none. */
MUST_CHECK enum verdict series_write_orders(struct series_write *sw, struct pg_bind *bind,
                                            struct pg_conn *pg, bool *out_is_sent, struct err *err);

/* Any result; looks at that of load_series_orders only. */
void series_write_ordered(struct series_write *sw, const struct pg_result *result);

/* Judges and sends what is to be written and told. RETRY when memory is short or the connection is gone. */
MUST_CHECK enum verdict series_write_send(struct series_write *sw, struct pg_bind *bind,
                                          struct pg_conn *pg, struct err *err);

#endif
