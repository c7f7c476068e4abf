-- The last row of every chain that has one, and of the operators' own (no names).
select s.cluster_id, s.topic, s.partition, a.sequence, encode(a.hash, 'hex')
from graph.audit_streams s
cross join lateral (select sequence, hash from graph.audit where stream_id = s.stream_id order by sequence desc limit 1) a
union all
(select null, null, null, sequence, encode(hash, 'hex') from graph.audit_acts order by sequence desc limit 1)
