-- Deliveries that are due, for the next $3 milliseconds: $1 receivers, $2 how many each can take. Of one alert a receiver
-- is told in order, so the oldest message only.
with due as (
    select claimed.outbox_id, claimed.receiver
    from unnest($1::text[], $2::integer[]) wanted (receiver, room)
    cross join lateral (
        select d.outbox_id, d.receiver
        from graph.alert_deliveries d
        where d.receiver = wanted.receiver and d.next_at <= now() and d.done_at is null
            and d.given_up_at is null
            and not exists (
                select from graph.alert_deliveries earlier
                where earlier.alert_id = d.alert_id and earlier.receiver = d.receiver
                    and earlier.outbox_id < d.outbox_id and earlier.done_at is null and earlier.given_up_at is null)
        order by d.next_at, d.outbox_id
        limit wanted.room
        for update skip locked) claimed
)
update graph.alert_deliveries d
set attempts = d.attempts + 1, next_at = clock_timestamp() + $3::bigint * interval '1 ms'
from due
join graph.alert_outbox o on o.outbox_id = due.outbox_id
where d.outbox_id = due.outbox_id and d.receiver = due.receiver
returning d.outbox_id, d.receiver, d.attempts, (extract(epoch from o.at) * 1000000)::bigint, o.alert_id, o.what,
    o.alert::text, o.alert ->> 'kind', o.alert ->> 'severity', o.alert ->> 'status', o.alert ->> 'subject_kind',
    o.alert ->> 'namespace', o.alert ->> 'name', o.alert ->> 'field', o.alert ->> 'title', o.alert ->> 'run_id',
    (extract(epoch from (o.alert ->> 'opened_at')::timestamptz) * 1000000)::bigint,
    (extract(epoch from (o.alert ->> 'event_time')::timestamptz) * 1000000)::bigint,
    coalesce(o.alert ->> 'occurrences', '0'), o.alert ->> 'detail', o.alert ->> 'downstream',
    (select string_agg(owner, ', ') from jsonb_array_elements_text(
        case jsonb_typeof(o.alert -> 'detail' -> 'owners') when 'array' then o.alert -> 'detail' -> 'owners' end) owner),
    case jsonb_typeof(o.alert -> 'downstream') when 'array' then jsonb_array_length(o.alert -> 'downstream') else 0 end
