-- The digest of every change of keys, as sql/insert_key_changes.sql makes it.
select c.topic, c.kafka_partition, c.kafka_offset, c.event_id::text,
    (extract(epoch from c.received_at) * 1000000)::bigint,
    encode(substr(sha256(convert_to(jsonb_build_array(c.event_id, c.key_id, c.revoked, c.name, c.namespaces,
        (extract(epoch from c.expires_at) * 1000000)::bigint, c.rate_per_s, c.burst, c.events_per_day,
        c.bytes_per_day, (extract(epoch from c.changed_at) * 1000000)::bigint, c.changed_by,
        (extract(epoch from c.received_at) * 1000000)::bigint, c.kafka_offset)::text, 'UTF8')), 1, 16), 'hex')
from graph.key_changes c
order by c.topic collate "C", c.kafka_partition, c.kafka_offset
