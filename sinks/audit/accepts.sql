-- Positions that an operator let begin anew: topic, partition, when.
select p.place ->> 'topic', p.place ->> 'partition', (extract(epoch from a.done_at) * 1000000)::bigint
from graph.audit_acts a cross join lateral jsonb_array_elements(a.detail::jsonb -> 'partitions') p (place)
where a.kind = 'accept' order by a.sequence
