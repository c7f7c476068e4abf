-- $1 id, $2 event id, $3 failed at, $4 stage, $5 reason, $6 JSON pointer, $7 byte offset, $8 topic,
-- $9 partition, $10 offset, $11 time of the record, $12 its value. The first origin stays.
insert into graph.dead_letters (letter_id, event_id, failed_at, stage, reason, json_pointer,
    byte_offset, topic, partition, kafka_offset, record_at, value)
select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[],
    $7::int8[], $8::text[], $9::int4[], $10::int8[], $11::timestamptz[], $12::bytea[])
on conflict do nothing;
