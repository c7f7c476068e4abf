-- $1 job, $2 direction, $3 dataset.
insert into graph.edges (job_uuid, direction, dataset_uuid)
select * from unnest($1::uuid[], $2::int2[], $3::uuid[])
on conflict do nothing;
