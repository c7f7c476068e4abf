-- A partition met for the first time, or stopped: $1 cluster id, $2 topic, $3 partition, $4 next
-- offset, $5 reason to stop or null. Its audit chain begins with it.
with stream as (
    insert into graph.audit_streams (cluster_id, topic, partition, begins_at, genesis)
    values ($1, $2, $3::text::int4, $4::text::int8, graph.audit_genesis($1, $2, $3::text::int4, $4::text::int8))
    on conflict do nothing
)
insert into graph.offsets as o (cluster_id, topic, partition, next_offset, stopped_reason)
values ($1, $2, $3::text::int4, $4::text::int8, $5)
on conflict (cluster_id, topic, partition) do update
set stopped_reason = excluded.stopped_reason
where excluded.stopped_reason is not null;
