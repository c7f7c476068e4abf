-- Gives messages their deliveries: $1 and $2 are pairs of message and receiver, $3 all messages looked at. One without
-- receivers goes.
with deliveries as (
    insert into graph.alert_deliveries (outbox_id, receiver, alert_id)
    select o.outbox_id, pair.receiver, o.alert_id
    from unnest($1::bigint[], $2::text[]) pair (outbox_id, receiver)
    join graph.alert_outbox o using (outbox_id)
), routed as (
    update graph.alert_outbox o set is_routed = true, alert = coalesce((
            select jsonb_build_object('detail', v.detail, 'downstream', v.downstream) from metaops.alerts v
            where v.alert_id = o.alert_id), '{}') || o.alert
    where outbox_id = any ($1::bigint[])
)
delete from graph.alert_outbox where outbox_id = any ($3::bigint[]) and outbox_id <> all ($1::bigint[])
