-- $1 id, $2 event id, $3 failed at, $4 stage, $5 reason, $6 JSON pointer, $7 byte offset, $8 topic,
-- $9 partition, $10 offset, $11 time of the record, $12 its value, $13 cluster id. The first origin stays. What was new
-- enters the audit chain of its partition; audit/letters.sql makes the same digests of the rows.
with letter as (
    select *
    from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::int8[], $8::text[],
        $9::int4[], $10::int8[], $11::timestamptz[], $12::bytea[])
        l (letter_id, event_id, failed_at, stage, reason, json_pointer, byte_offset, topic, partition, kafka_offset,
           record_at, value)
), new as (
    insert into graph.dead_letters (letter_id, event_id, failed_at, stage, reason, json_pointer, byte_offset, topic,
        partition, kafka_offset, record_at, value)
    select letter_id, event_id, failed_at, stage, reason, json_pointer, byte_offset, topic, partition, kafka_offset,
        record_at, value
    from letter
    on conflict do nothing
    returning letter_id
), entry as (
    select l.topic, l.partition, min(l.kafka_offset) as from_offset, max(l.kafka_offset) + 1 as next_offset,
        min(l.failed_at) as received_from, max(l.failed_at) as received_until,
        string_agg(substr(sha256(convert_to(jsonb_build_array(l.letter_id, l.event_id,
            (extract(epoch from l.failed_at) * 1000000)::bigint, l.stage, l.reason, l.json_pointer, l.byte_offset,
            l.kafka_offset, (extract(epoch from l.record_at) * 1000000)::bigint,
            encode(sha256(l.value), 'hex'))::text, 'UTF8')), 1, 16), ''::bytea order by l.kafka_offset, l.letter_id)
            as digests
    from letter l join new using (letter_id)
    group by l.topic, l.partition
)
insert into graph.audit (stream_id, kind, sequence, from_offset, next_offset, received_from, received_until, written_at,
    digests, hash)
select s.stream_id, 3, coalesce(h.sequence, 0) + 1, e.from_offset, e.next_offset, e.received_from, e.received_until,
    now(), e.digests,
    graph.audit_hash(coalesce(h.hash, s.genesis), coalesce(h.sequence, 0) + 1, 3::smallint, e.from_offset, e.next_offset,
        e.received_from, e.received_until, now(), e.digests)
from entry e
left join graph.audit_streams s on s.cluster_id = $13 and s.topic = e.topic and s.partition = e.partition
left join lateral (select c.sequence, c.hash from graph.audit c where c.stream_id = s.stream_id
                   order by c.sequence desc limit 1) h on true;
