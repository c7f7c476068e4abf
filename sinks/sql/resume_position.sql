-- A partition accepted by `metaops offsets accept` begins at its low watermark: $1 cluster id,
-- $2 topic, $3 partition, $4 that offset.
update graph.offsets set next_offset = $4::text::int8, last_id = null, last_timestamp_ms = null
where cluster_id = $1 and topic = $2 and partition = $3::text::int4 and next_offset = -1;
