-- Bodies as stored, those of one base together.
select encode(uuid_send(event_id), 'hex'), encode(body, 'hex'), body_base::text, body_bytes,
    (extract(epoch from received_at) * 1000000)::bigint, topic, kafka_partition, kafka_offset
from graph.events order by body_base
