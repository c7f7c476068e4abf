-- Rows of the audit chain whose digests the worker made, one for each partition at most. $1 cluster id; $2 topic,
-- $3 partition, $4 kind, $5 first offset, $6 one behind the last, $7 and $8 earliest and latest receipt (null: no
-- entries), $9 digests. The head of a chain cannot move meanwhile: the fence holds its partition. A partition without a
-- chain is an error (stream_id is never null).
insert into graph.audit (stream_id, kind, sequence, from_offset, next_offset, received_from, received_until,
    written_at, digests, hash)
select e.stream_id, e.kind, e.sequence, e.from_offset, e.next_offset, e.received_from, e.received_until, now(), e.digests,
    graph.audit_hash(e.before, e.sequence, e.kind, e.from_offset, e.next_offset, e.received_from, e.received_until, now(),
        e.digests)
from (
    select s.stream_id, a.kind, coalesce(h.sequence, 0) + 1 as sequence, a.from_offset, a.next_offset,
        coalesce(a.received_from, now()) as received_from, coalesce(a.received_until, now()) as received_until,
        a.digests, coalesce(h.hash, s.genesis) as before
    from unnest($2::text[], $3::int4[], $4::int2[], $5::int8[], $6::int8[], $7::timestamptz[], $8::timestamptz[],
        $9::bytea[])
        a (topic, partition, kind, from_offset, next_offset, received_from, received_until, digests)
    left join graph.audit_streams s on s.cluster_id = $1 and s.topic = a.topic and s.partition = a.partition
    left join lateral (select c.sequence, c.hash from graph.audit c where c.stream_id = s.stream_id
                       order by c.sequence desc limit 1) h on true
) e;
