-- $1 statement, $2 direction, $3 dataset, $4 what is said of it (zero: nothing).
insert into graph.statement_datasets (statement_id, direction, dataset_uuid, description_id)
select * from unnest($1::uuid[], $2::int2[], $3::uuid[], $4::uuid[])
on conflict do nothing;
