-- Messages that nobody has looked at yet, the oldest first, for this transaction alone: $1 the most.
select outbox_id, what, alert ->> 'kind', alert ->> 'severity', alert ->> 'namespace', alert ->> 'title',
    (select string_agg(owner, E'\n') from jsonb_array_elements_text(
        case jsonb_typeof(alert -> 'detail' -> 'owners') when 'array' then alert -> 'detail' -> 'owners' end) owner)
from graph.alert_outbox
where not is_routed
order by outbox_id
limit $1::bigint
for update skip locked
