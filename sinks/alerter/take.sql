-- Messages that nobody has looked at yet, the oldest first, for this transaction alone: $1 the most, $2 the last that may be
-- taken (null: any). Those that wait for what is upstream are left.
select outbox_id, what, alert ->> 'kind', alert ->> 'severity', alert ->> 'namespace', alert ->> 'title',
    (select string_agg(owner, E'\n') from jsonb_array_elements_text(
        case jsonb_typeof(alert -> 'detail' -> 'owners') when 'array' then alert -> 'detail' -> 'owners' end) owner)
from graph.alert_outbox
where not is_routed and ($2::bigint is null or outbox_id <= $2::bigint)
    and outbox_id <> all ((select graph.waiting_messages())::bigint[])
order by outbox_id
limit $1::bigint
for update skip locked
