-- What is written, or meant to be, that nobody reads?
select distinct e.dataset_name as name, e.job_name as written_by
from metaops.edges e
where e.dataset_namespace in ('pg://questions', 's3://questions') and e.direction = 'output'
    and not exists (select from metaops.edges r where r.direction = 'input'
                        and r.dataset_namespace = e.dataset_namespace and r.dataset_name = e.dataset_name)
order by name;
