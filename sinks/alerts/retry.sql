-- What was given up is tried again: $1 an alert, null all. pg_notify is looked at, so that it is called.
with again as (
    update graph.alert_deliveries set given_up_at = null, attempts = 0, next_at = clock_timestamp()
    where given_up_at is not null and ($1::uuid is null or alert_id = $1)
    returning 1
)
select count(*), (select pg_notify('metaops_alerts', '') is null from (select 1 from again limit 1) x) from again
