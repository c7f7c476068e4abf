-- Where this database stands: $1 cluster id, $2 topics, $3 partitions, in the order given.
select f.ordinality::int4, o.next_offset, o.last_id, o.stopped_reason is not null,
    o.cluster_id is not null,
    exists (select from graph.offsets e where e.topic = f.topic and e.partition = f.partition
        and e.cluster_id <> $1)
from unnest($2::text[], $3::int4[]) with ordinality as f (topic, partition, ordinality)
left join graph.offsets o
    on o.cluster_id = $1 and o.topic = f.topic and o.partition = f.partition
order by 1;
