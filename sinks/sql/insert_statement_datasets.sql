-- $1 statement, $2 direction, $3 dataset.
insert into graph.statement_datasets (statement_id, direction, dataset_uuid)
select * from unnest($1::uuid[], $2::int2[], $3::uuid[])
on conflict do nothing;
