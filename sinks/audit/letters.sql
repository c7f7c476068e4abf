-- The digest of every dead letter, as sql/insert_dead_letters.sql makes it; of one whose bytes were erased, by the digest
-- of the bytes that the act tells.
select l.topic, l.partition, l.kafka_offset, l.letter_id::text, (extract(epoch from l.failed_at) * 1000000)::bigint,
    encode(substr(sha256(convert_to(jsonb_build_array(l.letter_id, l.event_id,
        (extract(epoch from l.failed_at) * 1000000)::bigint, l.stage, l.reason, l.json_pointer, l.byte_offset,
        l.kafka_offset, (extract(epoch from l.record_at) * 1000000)::bigint,
        coalesce(e.value_sha256, encode(sha256(l.value), 'hex')))::text, 'UTF8')), 1, 16), 'hex')
from graph.dead_letters l
left join (
    select (x.letter ->> 'id')::uuid as letter_id, min(x.letter ->> 'sha256') as value_sha256
    from graph.audit_acts a
    cross join lateral jsonb_array_elements(a.detail::jsonb -> 'letters') x (letter)
    where a.kind = 'erase'
    group by 1) e on e.letter_id = l.letter_id and octet_length(l.value) = 0
order by l.topic collate "C", l.partition, l.kafka_offset, l.letter_id
