-- $1 dataset, $2 the other id, $3 type, $4 and $5 the other name.
insert into graph.symlinks (dataset_uuid, other_uuid, type, other_namespace, other_name)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[])
on conflict do nothing;
