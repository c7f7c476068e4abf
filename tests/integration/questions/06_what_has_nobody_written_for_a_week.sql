-- Today is 20 November: which datasets that jobs are meant to write has nobody written for a week?
select d.name, d.last_written_at, d.owner
from metaops.datasets d
where d.namespace in ('pg://questions', 's3://questions')
    and coalesce(d.last_written_at, '-infinity') < timestamptz '2026-11-20 00:00Z' - interval '7 days'
    and exists (select from metaops.edges e where e.direction = 'output'
                    and e.dataset_namespace = d.namespace and e.dataset_name = d.name)
order by d.last_written_at nulls first, d.name;
