-- New events: $1 id, $2 event time, $3 received, $4 run, $5 statement, $6 base of the body, $7 offset,
-- $8 partition, $9 bytes of the body, $10 redactions, $11 source, $12 topic, $13 type, $14 and $15
-- first and last element of its digests in $21, $16 body as stored, $17 principal, $18-$20 emitter
-- (id, epoch, sequence), $22 idempotency key.
insert into graph.events (event_id, event_time, received_at, run_uuid, statement_id, body_base,
    kafka_offset, kafka_partition, body_bytes, redactions, source, topic, event_type,
    facet_digests, body, principal, emitter_id, emitter_epoch, emitter_sequence, idempotency_key)
select f.event_id, f.event_time, f.received_at, f.run_uuid, f.statement_id, f.body_base,
    f.kafka_offset, f.kafka_partition, f.body_bytes, f.redactions, f.source, f.topic, f.event_type,
    case when f.first_digest <= f.last_digest
        then ($21::uuid[])[f.first_digest : f.last_digest] end,
    f.body, f.principal, f.emitter_id, f.emitter_epoch, f.emitter_sequence, f.idempotency_key
from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::uuid[],
    $7::int8[], $8::int4[], $9::int4[], $10::int4[], $11::int2[], $12::text[], $13::text[],
    $14::int4[], $15::int4[], $16::bytea[], $17::text[], $18::text[], $19::int8[], $20::int8[],
    $22::text[])
    as f (event_id, event_time, received_at, run_uuid, statement_id, body_base, kafka_offset,
        kafka_partition, body_bytes, redactions, source, topic, event_type, first_digest,
        last_digest, body, principal, emitter_id, emitter_epoch, emitter_sequence,
        idempotency_key);
