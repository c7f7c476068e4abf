-- Versions of models: $1 models, $2 versions (keys in order), $3 earliest and $4 latest time.
insert into graph.model_versions as v (model_uuid, version, first_at, last_at)
select * from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[])
on conflict (model_uuid, version) do update set
    first_at = least(v.first_at, excluded.first_at),
    last_at = greatest(v.last_at, excluded.last_at)
where excluded.first_at < v.first_at or excluded.last_at > v.last_at;
