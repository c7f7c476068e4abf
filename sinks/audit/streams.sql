-- Chains in the order of the events that audit/events.sql gives, each with where its partition stands and, when retention
-- has taken rows, what it left: the last sequence, hash, offset and time that went.
select s.stream_id, s.cluster_id, s.topic, s.partition, s.begins_at, encode(s.genesis, 'hex'), o.next_offset,
    a.detail ->> 'sequence', a.detail ->> 'hash', a.detail ->> 'next_offset', a.detail ->> 'received_until_us'
from graph.audit_streams s
left join graph.offsets o using (cluster_id, topic, partition)
left join lateral (
    select t.detail::jsonb as detail from graph.audit_acts t
    where t.kind = 'anchor' and t.detail::jsonb @> jsonb_build_object('cluster_id', s.cluster_id, 'topic', s.topic,
                                                                     'partition', s.partition)
    order by t.sequence desc limit 1) a on true
order by s.topic collate "C", s.partition, s.cluster_id collate "C"
