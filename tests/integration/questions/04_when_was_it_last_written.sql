-- When was raw.orders last written, by which job, of which commit, and how many rows?
select d.last_written_at, d.last_rows, r.job_name, j.source_url, j.source_commit
from metaops.datasets d
join metaops.runs r on r.run_id = d.last_run_id
join metaops.jobs j on j.namespace = r.job_namespace and j.name = r.job_name
where d.namespace = 'pg://questions' and d.name = 'raw.orders';
