-- New events: $1 id, $2 event time, $3 received, $4 run, $5 statement, $6 layout of its digests, $7 base
-- of the body, $8 offset, $9 partition, $10 bytes of the body, $11 redactions, $12 source, $13 topic,
-- $14 type, $15 digests (16 bytes each), $16 body as stored, $17 principal, $18-$20 emitter (id, epoch,
-- sequence), $21 idempotency key.
insert into graph.events (event_id, event_time, received_at, run_uuid, statement_id, layout_id,
    body_base, kafka_offset, kafka_partition, body_bytes, redactions, source, topic, event_type,
    facet_digests, body, principal, emitter_id, emitter_epoch, emitter_sequence, idempotency_key)
select * from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::uuid[], $5::uuid[],
    $6::uuid[], $7::uuid[], $8::int8[], $9::int4[], $10::int4[], $11::int4[], $12::int2[],
    $13::text[], $14::text[], $15::bytea[], $16::bytea[], $17::text[], $18::text[], $19::int8[],
    $20::int8[], $21::text[]);
