#include "pg_numbers.h"

#include "pg_order.h"
#include "schemas/graph_rows.h"

/* Received first counts. */
void pg_numbers_merge_sequence(void *into, const void *row)
{
    struct graph_sequence *x = into;
    int64_t received_at_us = ((const struct graph_sequence *)row)->received_at_us;

    x->received_at_us = received_at_us < x->received_at_us ? received_at_us : x->received_at_us;
}

void pg_numbers_merge_gap(void *into, const void *row)
{
    struct graph_gap *x = into;
    int64_t received_at_us = ((const struct graph_gap *)row)->received_at_us;

    x->received_at_us = received_at_us < x->received_at_us ? received_at_us : x->received_at_us;
}

PG_ORDER(pg_numbers_order_sequence, graph_sequence,
         BY_TEXT(emitter) ?: BY_NUMBER(epoch) ?: BY_NUMBER(sequence))

PG_ORDER(pg_numbers_order_gap, graph_gap,
         BY_TEXT(emitter) ?: BY_NUMBER(epoch) ?: BY_NUMBER(from_seq) ?: BY_NUMBER(to_seq) ?: BY_TEXT(reason))

void pg_numbers_bind_sequence(struct pg_bind *bind, const void *row)
{
    const struct graph_sequence *number = row;
    pg_bind_text(bind, 0, number->emitter);
    pg_bind_int8(bind, 1, number->epoch);
    pg_bind_int8(bind, 2, number->sequence);
    pg_bind_time(bind, 3, number->received_at_us);
}

void pg_numbers_bind_gap(struct pg_bind *bind, const void *row)
{
    const struct graph_gap *gap = row;
    pg_bind_text(bind, 0, gap->emitter);
    pg_bind_int8(bind, 1, gap->epoch);
    pg_bind_int8(bind, 2, gap->from_seq);
    pg_bind_int8(bind, 3, gap->to_seq);
    pg_bind_text(bind, 4, gap->reason);
    pg_bind_time(bind, 5, gap->received_at_us);
}
