-- Positions that an older worker saved have no audit chain yet: it begins where they stand. $1 cluster id, $2 topics,
-- $3 partitions.
insert into graph.audit_streams (cluster_id, topic, partition, begins_at, genesis)
select o.cluster_id, o.topic, o.partition, o.next_offset,
    graph.audit_genesis(o.cluster_id, o.topic, o.partition, o.next_offset)
from unnest($2::text[], $3::int4[]) f (topic, partition)
join graph.offsets o on o.cluster_id = $1 and o.topic = f.topic and o.partition = f.partition
where not exists (select from graph.audit_streams s
                  where s.cluster_id = o.cluster_id and s.topic = o.topic and s.partition = o.partition)
on conflict do nothing;
