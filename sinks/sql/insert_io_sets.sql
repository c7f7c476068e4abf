-- Datasets that events name together: $1 set, $2 ordinal, $3 direction, $4 dataset, $5 job.
insert into graph.io_sets (io_id, ordinal, direction, dataset_uuid, job_uuid)
select * from unnest($1::uuid[], $2::int2[], $3::int2[], $4::uuid[], $5::uuid[])
on conflict do nothing;
