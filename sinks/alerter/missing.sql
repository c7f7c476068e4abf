-- Writes that are missing and what explains the version that is served, a hundred at most of what was learned, of contracts and of
-- deployments each, and how far what Kafka holds is stored:
-- $1 the cluster, $2 the ends of its partitions.
select graph.judge_missing(100, t.stored_to) + graph.judge_stale_contracts(100, t.stored_to)
        + graph.judge_served(100, t.stored_to),
    (extract(epoch from now() - greatest(t.stored_to, 'epoch')) * 1000)::bigint
from (select graph.stored_to($1, $2::jsonb) as stored_to offset 0) t
