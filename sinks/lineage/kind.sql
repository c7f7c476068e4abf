-- Which of the two $1 (namespace) and $2 (name) is: dataset before job; no row when nobody named it.
select 'dataset' where cardinality(graph.dataset_ids($1, $2)) > 0
union all
select 'job' from graph.jobs where name = $2 and namespace = $1
limit 1
