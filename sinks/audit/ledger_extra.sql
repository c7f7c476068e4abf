-- Ids of the ledger that nothing stands for: $1 what was received before it may be gone (microseconds).
select i.event_id::text, i.received_at::text
from graph.event_ids i
where i.is_payload is null
    and not exists (select from graph.events e where e.event_id = i.event_id)
    and not exists (select from graph.key_changes k where k.event_id = i.event_id)
    and not exists (select from graph.refusals r where r.event_id = i.event_id)
    and (extract(epoch from i.received_at) * 1000000)::bigint >= $1::bigint
order by i.received_at, i.event_id
