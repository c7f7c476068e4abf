-- Writes that are missing, a hundred at most, and how far what Kafka holds is stored: $1 the cluster, $2 the ends of its partitions.
select graph.judge_missing(100, t.stored_to), (extract(epoch from now() - t.stored_to) * 1000)::bigint
from (select graph.stored_to($1, $2::jsonb) as stored_to offset 0) t
