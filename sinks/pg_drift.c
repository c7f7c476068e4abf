#include "pg_drift.h"

#include "pg_merge.h"
#include "pg_order.h"

bool pg_drift_is_detected(const struct graph_batch *rows, const void *row)
{
    (void)rows;
    (void)row;
#ifdef METAOPS_WITHOUT_DRIFT
    return false; /* what ./tests/run bench --detection compares with */
#else
    return true;
#endif
}

PG_ORDER(pg_drift_order_content, graph_drift_content,
         BY_ID(subject) ?: BY_NUMBER(aspect) ?: BY_ID(content))

void pg_drift_bind_content(struct pg_bind *bind, const void *row)
{
    const struct graph_drift_content *said = row;
    pg_bind_uuid(bind, 0, said->subject);
    pg_bind_int2(bind, 1, said->aspect);
    pg_bind_uuid(bind, 2, said->content);
}

PG_ORDER(pg_drift_order_subject, graph_statement, BY_ID(id))

void pg_drift_merge_subject(void *into, const void *row)
{
    pg_merge_statement(into, row);
}

void pg_drift_bind_subject(struct pg_bind *bind, const void *row)
{
    const struct graph_statement *statement = row;
    pg_bind_uuid(bind, 0, statement->id);
    pg_bind_time(bind, 1, statement->first_at_us);
    pg_bind_optional_uuid(bind, 2, statement->has_job, statement->job);
    pg_bind_bool(bind, 3, !statement->is_known);
}

void pg_drift_bind_contract(struct pg_bind *bind, const void *row)
{
    pg_bind_uuid(bind, 0, ((const struct graph_statement *)row)->id);
}
