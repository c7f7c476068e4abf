-- Entries of reports of refusals, report by report.
select encode(uuid_send(event_id), 'hex'), ordinal, key_id, status, reason, count,
    (extract(epoch from first_seen) * 1000000)::bigint, (extract(epoch from last_seen) * 1000000)::bigint, gateway
from graph.refusals order by event_id, ordinal
