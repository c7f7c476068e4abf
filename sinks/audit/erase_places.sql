-- Where the records of events and of their dead letters stand on Kafka: $1 ids.
select distinct p.topic, p.partition, p.kafka_offset
from (select e.topic, e.kafka_partition::int, e.kafka_offset from graph.events e where e.event_id = any ($1::uuid[])
      union all
      select l.topic, l.partition, l.kafka_offset from graph.dead_letters l
      where l.event_id = any ($1::uuid[]) or l.letter_id = any ($1::uuid[])) p (topic, partition, kafka_offset)
order by 1, 2, 3
