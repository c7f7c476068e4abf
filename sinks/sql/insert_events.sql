-- New events: $1 id, $2 event time, $3 received, $4 run, $5 statement, $6 base of the body, $7 offset,
-- $8 partition, $9 bytes of the body, $10 redactions (null: none), $11 source, $12 topic, $13 type,
-- $14 digests (16 bytes each), $15 body as stored, $16 principal, $17-$19 emitter (id, epoch, sequence),
-- $20 idempotency key. A base that was erased is refused (state MO001).
insert into graph.events (event_id, event_time, received_at, run_uuid, statement_id, body_base,
    kafka_offset, kafka_partition, body_bytes, redactions, source, topic, event_type,
    facet_digests, body, principal, emitter_id, emitter_epoch, emitter_sequence, idempotency_key)
select * from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::uuid[], $5::uuid[],
    $6::uuid[], $7::int8[], $8::int2[], $9::int4[], $10::int2[], $11::int2[], $12::text[],
    $13::text[], $14::bytea[], $15::bytea[], $16::text[], $17::text[], $18::int8[], $19::int8[],
    $20::text[])
where graph.refuse_erased($6::uuid[]);
