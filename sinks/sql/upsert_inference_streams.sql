-- Streams of predictions: $1 ids in order, $2 deployments, $3 models, $4 endpoints, $5 earliest and $6 latest time.
insert into graph.inference_streams as s (stream_uuid, deployment_uuid, model_uuid, endpoint, first_at, last_at)
select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[], $6::timestamptz[])
on conflict (stream_uuid) do update set
    first_at = least(s.first_at, excluded.first_at),
    last_at = greatest(s.last_at, excluded.last_at)
where excluded.first_at < s.first_at or excluded.last_at > s.last_at;
