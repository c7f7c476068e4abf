-- $1 event id, $2 key, $3 whether revoked, $4 name, $5 patterns of namespaces (JSON array), $6 expires,
-- $7-$10 limits (null: the gateway's settings): events a second, burst, events and bytes a day, $11 when,
-- $12 by whom, $13 received, $14 topic, $15 partition, $16 offset, $17 cluster id. What was new enters the audit chain of
-- its partition; audit/key_changes.sql makes the same digests of the rows.
with change as (
    select event_id, key_id, revoked, name, array(select jsonb_array_elements_text(namespaces::jsonb)) as namespaces,
        expires_at, rate_per_s, burst, events_per_day, bytes_per_day, changed_at, changed_by, received_at, topic,
        kafka_partition, kafka_offset
    from unnest($1::uuid[], $2::text[], $3::bool[], $4::text[], $5::text[], $6::timestamptz[], $7::int8[],
        $8::int8[], $9::int8[], $10::int8[], $11::timestamptz[], $12::text[], $13::timestamptz[], $14::text[],
        $15::int4[], $16::int8[])
        c (event_id, key_id, revoked, name, namespaces, expires_at, rate_per_s, burst, events_per_day,
           bytes_per_day, changed_at, changed_by, received_at, topic, kafka_partition, kafka_offset)
), new as (
    insert into graph.key_changes (event_id, key_id, revoked, name, namespaces, expires_at, rate_per_s, burst,
        events_per_day, bytes_per_day, changed_at, changed_by, received_at, topic, kafka_partition, kafka_offset)
    select * from change
    on conflict do nothing
    returning event_id
), entry as (
    select c.topic, c.kafka_partition, min(c.kafka_offset) as from_offset, max(c.kafka_offset) + 1 as next_offset,
        min(c.received_at) as received_from, max(c.received_at) as received_until,
        string_agg(substr(sha256(convert_to(jsonb_build_array(c.event_id, c.key_id, c.revoked, c.name, c.namespaces,
            (extract(epoch from c.expires_at) * 1000000)::bigint, c.rate_per_s, c.burst, c.events_per_day,
            c.bytes_per_day, (extract(epoch from c.changed_at) * 1000000)::bigint, c.changed_by,
            (extract(epoch from c.received_at) * 1000000)::bigint, c.kafka_offset)::text, 'UTF8')), 1, 16),
            ''::bytea order by c.kafka_offset) as digests
    from change c join new using (event_id)
    group by c.topic, c.kafka_partition
)
insert into graph.audit (stream_id, kind, sequence, from_offset, next_offset, received_from, received_until, written_at,
    digests, hash)
select s.stream_id, 4, coalesce(h.sequence, 0) + 1, e.from_offset, e.next_offset, e.received_from, e.received_until,
    now(), e.digests,
    graph.audit_hash(coalesce(h.hash, s.genesis), coalesce(h.sequence, 0) + 1, 4::smallint, e.from_offset, e.next_offset,
        e.received_from, e.received_until, now(), e.digests)
from entry e
left join graph.audit_streams s on s.cluster_id = $17 and s.topic = e.topic and s.partition = e.kafka_partition
left join lateral (select c.sequence, c.hash from graph.audit c where c.stream_id = s.stream_id
                   order by c.sequence desc limit 1) h on true;
