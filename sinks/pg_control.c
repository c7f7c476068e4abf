#include "pg_control.h"

#include "pg_order.h"
#include "schemas/graph_rows.h"

PG_ORDER(pg_control_order_key_change, graph_key_change, BY_ID(id))
PG_ORDER(pg_control_order_refusal, graph_refusal, BY_ID(id) ?: BY_NUMBER(ordinal))

static void bind_limit(struct pg_bind *bind, int index, int64_t limit)
{
    if (limit > 0) {
        pg_bind_int8(bind, index, limit);
    } else {
        pg_bind_null(bind, index);
    }
}

void pg_control_bind_key_change(struct pg_bind *bind, const void *row)
{
    const struct graph_key_change *change = row;
    pg_bind_uuid(bind, 0, change->id);
    pg_bind_text(bind, 1, change->key_id);
    pg_bind_bool(bind, 2, change->is_revoked);
    pg_bind_text(bind, 3, change->name);
    pg_bind_text(bind, 4, change->namespaces);
    pg_bind_time(bind, 5, change->expires_at_us);
    bind_limit(bind, 6, change->rate_per_s);
    bind_limit(bind, 7, change->burst);
    bind_limit(bind, 8, change->events_per_day);
    bind_limit(bind, 9, change->bytes_per_day);
    pg_bind_time(bind, 10, change->at_us);
    pg_bind_text(bind, 11, change->by);
    pg_bind_time(bind, 12, change->received_at_us);
    pg_bind_text(bind, 13, change->topic);
    pg_bind_int4(bind, 14, change->partition);
    pg_bind_int8(bind, 15, change->kafka_offset);
}

void pg_control_bind_refusal(struct pg_bind *bind, const void *row)
{
    const struct graph_refusal *refusal = row;
    pg_bind_uuid(bind, 0, refusal->id);
    pg_bind_int4(bind, 1, refusal->ordinal);
    pg_bind_text(bind, 2, refusal->key_id);
    pg_bind_int2(bind, 3, refusal->status);
    pg_bind_text(bind, 4, refusal->reason);
    pg_bind_int8(bind, 5, refusal->count);
    pg_bind_time(bind, 6, refusal->first_us);
    pg_bind_time(bind, 7, refusal->last_us);
    pg_bind_text(bind, 8, refusal->gateway);
}
