-- Dead letters as anybody may see them, the oldest first. Each parameter null: any. $1 pattern of the reason, $2 stage,
-- $3 topic, $4 failed since, $5 true: only those that have not landed and have their bytes, $6 ids, $7 the most.
select letter_id, failed_at, stage, topic, partition, kafka_offset, value_bytes, retries,
    case when is_erased then 'erased' when landed then 'landed' when retried_at is not null then 'retried' else 'open' end,
    reason, json_pointer, byte_offset, retried_at, event_id, to_jsonb(l)
from metaops.dead_letters l
cross join lateral (
    select value_bytes = 0 and exists (select from metaops.erasures e where e.event_id in (l.event_id, l.letter_id))
        as is_erased) x
where ($1::text is null or reason like $1) and ($2::text is null or stage = $2)
    and ($3::text is null or topic = $3) and ($4::timestamptz is null or failed_at >= $4)
    and not ($5::boolean and (landed or is_erased)) and ($6::uuid[] is null or letter_id = any ($6))
order by failed_at, letter_id
limit $7::bigint
