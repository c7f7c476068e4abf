-- Series that may be new: $1 ids in order, $2 jobs, $3 datasets, $4 directions, $5 metrics, $6 columns.
insert into graph.series (series_uuid, job_uuid, dataset_uuid, direction, metric, field)
select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int2[], $5::int2[], $6::text[])
on conflict do nothing;
