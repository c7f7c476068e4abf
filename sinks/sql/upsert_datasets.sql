-- $1 ids in order, $2 namespaces, $3 names, $4 whether confirmed: once confirmed, always.
insert into graph.datasets as d (dataset_uuid, namespace, name, confirmed)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::bool[])
on conflict (dataset_uuid) do update set confirmed = true
where excluded.confirmed and not d.confirmed;
