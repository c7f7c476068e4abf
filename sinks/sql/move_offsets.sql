-- The fence. $1 cluster id; one array element per partition: $2 topic, $3 partition, $4 the offset
-- this worker expects, $5 next offset, $6 id and $7 timestamp of record next offset - 1.
-- As many rows as partitions come back, or somebody else has moved one of them.
update graph.offsets o
set next_offset = f.next_offset, last_id = f.last_id, last_timestamp_ms = f.last_timestamp_ms,
    updated_at = now()
from unnest($2::text[], $3::int4[], $4::int8[], $5::int8[], $6::uuid[], $7::int8[])
    as f (topic, partition, expected, next_offset, last_id, last_timestamp_ms)
where o.cluster_id = $1 and o.topic = f.topic and o.partition = f.partition
    and o.next_offset = f.expected and o.stopped_reason is null
returning o.partition;
