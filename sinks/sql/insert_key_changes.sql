-- $1 event id, $2 key, $3 whether revoked, $4 name, $5 patterns of namespaces (JSON array), $6 expires,
-- $7-$10 limits (null: the gateway's settings): events a second, burst, events and bytes a day, $11 when,
-- $12 by whom, $13 received, $14 topic, $15 partition, $16 offset.
insert into graph.key_changes (event_id, key_id, revoked, name, namespaces, expires_at, rate_per_s, burst,
    events_per_day, bytes_per_day, changed_at, changed_by, received_at, topic, kafka_partition, kafka_offset)
select event_id, key_id, revoked, name, array(select jsonb_array_elements_text(namespaces::jsonb)), expires_at,
    rate_per_s, burst, events_per_day, bytes_per_day, changed_at, changed_by, received_at, topic,
    kafka_partition, kafka_offset
from unnest($1::uuid[], $2::text[], $3::bool[], $4::text[], $5::text[], $6::timestamptz[], $7::int8[],
    $8::int8[], $9::int8[], $10::int8[], $11::timestamptz[], $12::text[], $13::timestamptz[], $14::text[],
    $15::int4[], $16::int8[])
    c (event_id, key_id, revoked, name, namespaces, expires_at, rate_per_s, burst, events_per_day,
       bytes_per_day, changed_at, changed_by, received_at, topic, kafka_partition, kafka_offset)
on conflict do nothing;
