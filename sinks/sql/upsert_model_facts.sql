-- Tags and aliases: $1 models, $2 versions, $3 kinds, $4 names (keys in order), $5 values, $6 times, $7 when each was said first.
insert into graph.model_facts as f (model_uuid, version, kind, name, value, at, first_at)
select * from unnest($1::uuid[], $2::text[], $3::int2[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[])
on conflict (model_uuid, version, kind, name) do update set
    (value, at) = (
        select s.value, s.at
        from (values (f.value, f.at), (excluded.value, excluded.at)) s (value, at)
        order by s.at desc, s.value is not null desc, coalesce(s.value, '') collate "C" desc limit 1),
    first_at = least(f.first_at, excluded.first_at)
where (excluded.at, excluded.value is not null, coalesce(excluded.value, '') collate "C")
        > (f.at, f.value is not null, coalesce(f.value, '') collate "C")
    or excluded.first_at < coalesce(f.first_at, 'infinity');
