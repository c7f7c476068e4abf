-- Messages that nobody has looked at yet, the oldest first, for this transaction alone: $1 the most, $2 the last that may be
-- taken (null: any). Those that wait for what is upstream are left.
select o.outbox_id, o.what, m.kind, m.severity, m.namespace, m.title,
    (select string_agg(owner, E'\n') from jsonb_array_elements_text(
        case jsonb_typeof(d.owners) when 'array' then d.owners end) owner)
from graph.alert_outbox o
left join graph.alerts a using (alert_id)
cross join lateral jsonb_to_record(o.alert) m (kind text, severity text, namespace text, title text, detail jsonb) -- parsed once
cross join lateral (select coalesce(m.detail, a.detail) -> 'owners' as owners) d
where not o.is_routed and ($2::bigint is null or o.outbox_id <= $2::bigint)
    and o.outbox_id <> all ((select graph.waiting_messages())::bigint[])
order by o.outbox_id
limit $1::bigint
for update of o skip locked
