-- Tags and aliases: $1 models, $2 versions, $3 kinds, $4 names (keys in order), $5 values, $6 times.
insert into graph.model_facts as f (model_uuid, version, kind, name, value, at)
select * from unnest($1::uuid[], $2::text[], $3::int2[], $4::text[], $5::text[], $6::timestamptz[])
on conflict (model_uuid, version, kind, name) do update set value = excluded.value, at = excluded.at
where (excluded.at, excluded.value is not null, coalesce(excluded.value, '') collate "C")
    > (f.at, f.value is not null, coalesce(f.value, '') collate "C");
