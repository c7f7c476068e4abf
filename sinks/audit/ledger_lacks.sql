-- Events that the ledger of ids does not know as they are: $1 ids received before it may be gone (microseconds).
select e.event_id::text, e.topic, e.kafka_partition, e.kafka_offset, i.event_id is null
from graph.events e left join graph.event_ids i using (event_id)
where e.received_at is distinct from i.received_at
    and (i.event_id is not null or (extract(epoch from e.received_at) * 1000000)::bigint >= $1::bigint)
order by e.topic collate "C", e.kafka_partition, e.kafka_offset
