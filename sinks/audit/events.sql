-- How every event came in, partition by partition.
select topic, kafka_partition, kafka_offset, encode(uuid_send(event_id), 'hex'),
    (extract(epoch from received_at) * 1000000)::bigint, source, principal, emitter_id, emitter_epoch,
    emitter_sequence, idempotency_key
from graph.events
order by topic collate "C", kafka_partition, kafka_offset, event_id
