-- A receiver has it: $1 message, $2 receiver. When all have, the message goes.
with done as (
    update graph.alert_deliveries set done_at = clock_timestamp(), last_error = null
    where outbox_id = $1::bigint and receiver = $2
    returning outbox_id
)
delete from graph.alert_outbox o
using done
where o.outbox_id = done.outbox_id and not exists (
    select from graph.alert_deliveries d where d.outbox_id = o.outbox_id and d.receiver <> $2 and d.done_at is null)
