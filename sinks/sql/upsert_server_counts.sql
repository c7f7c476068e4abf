-- What servers have counted: $1 deployments, $2 models, $3 times (keys in order), $4 successes, $5 failures, $6 timed requests,
-- $7 their microseconds, $8 when it began to count (null: not told).
insert into graph.server_counts as c (deployment_uuid, model_uuid, at, successes, failures, timed, duration_us, began_at)
select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::timestamptz[])
on conflict (deployment_uuid, model_uuid, at) do update set successes = greatest(c.successes, excluded.successes),
    failures = greatest(c.failures, excluded.failures), timed = greatest(c.timed, excluded.timed),
    duration_us = greatest(c.duration_us, excluded.duration_us), began_at = greatest(c.began_at, excluded.began_at);
