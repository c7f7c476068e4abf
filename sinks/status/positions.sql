-- How far the database is, of one cluster ($1).
select topic, partition, next_offset, stopped_reason,
    (extract(epoch from now() - updated_at) * 1000)::bigint
from metaops.offsets
where cluster_id = $1
order by topic, partition
