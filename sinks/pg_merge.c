#include "pg_merge.h"

static int64_t earliest(int64_t a, int64_t b)
{
    if (a == GRAPH_NO_TIME || b == GRAPH_NO_TIME) {
        return a == GRAPH_NO_TIME ? b : a;
    }
    return a < b ? a : b;
}

/* GRAPH_NO_TIME is the smallest number: whatever was said wins over nothing. */
static int64_t latest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int version_cmp(const struct graph_version *a, const struct graph_version *b)
{
    if (a->at_us != b->at_us) {
        return a->at_us < b->at_us ? -1 : 1;
    }
    return a->at_us == GRAPH_NO_TIME ? 0 : id128_cmp(a->by, b->by);
}

static bool is_later_job(const struct graph_run *row, const struct graph_run *into)
{
    if (row->job_version.at_us == GRAPH_NO_TIME || into->job_version.at_us == GRAPH_NO_TIME) {
        return row->job_version.at_us != GRAPH_NO_TIME;
    }
    if (row->job_is_own != into->job_is_own) {
        return row->job_is_own;
    }
    int order = version_cmp(&row->job_version, &into->job_version);
    return order ? order > 0 : id128_cmp(row->job, into->job) > 0;
}

void pg_merge_run(struct graph_run *into, const struct graph_run *row)
{
    into->state = row->state > into->state ? row->state : into->state;
    into->started_at_us = earliest(into->started_at_us, row->started_at_us);
    into->first_at_us = earliest(into->first_at_us, row->first_at_us);
    into->ended_at_us = latest(into->ended_at_us, row->ended_at_us);
    if (is_later_job(row, into)) {
        into->job_version = row->job_version;
        into->job_is_own = row->job_is_own;
        into->job = row->job;
    }
    if (version_cmp(&row->parent_version, &into->parent_version) > 0) {
        into->parent_version = row->parent_version;
        into->parent = row->parent;
        into->root = row->root;
    }
    if (version_cmp(&row->nominal_version, &into->nominal_version) > 0) {
        into->nominal_version = row->nominal_version;
        into->nominal_start_us = row->nominal_start_us;
        into->nominal_end_us = row->nominal_end_us;
    }
    if (version_cmp(&row->error_version, &into->error_version) > 0) {
        into->error_version = row->error_version;
        into->error_message = row->error_message;
    }
    into->facts |= row->facts;
}

void pg_merge_statement(struct graph_statement *into, const struct graph_statement *row)
{
    if (row->first_at_us < into->first_at_us ||
        (row->first_at_us == into->first_at_us && id128_cmp(row->first_run, into->first_run) < 0)) {
        into->first_at_us = row->first_at_us;
        into->first_run = row->first_run;
    }
    into->is_known = into->is_known && row->is_known;
    if (version_cmp(&row->last, &into->last) > 0) {
        into->last = row->last;
    }
    if (version_cmp(&row->written, &into->written) > 0) {
        into->written = row->written;
    }
}

void pg_merge_dataset(struct graph_node *into, const struct graph_node *row)
{
    into->confirmed = into->confirmed || row->confirmed;
}

void pg_merge_asset_facts(struct graph_asset_facts *into, const struct graph_asset_facts *row)
{
    into->observed |= row->observed;
    into->declared |= row->declared;
    into->inferred |= row->inferred;
    into->lasting |= row->lasting;
    into->contested |= row->contested;
}
