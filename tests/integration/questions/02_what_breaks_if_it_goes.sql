-- The column card_number of raw.orders is going away: what is made of it, by which job, and who must be told?
select c.depth, c.name, c.field, c.via_job_name as job, d.owner
from metaops.column_downstream('pg://questions', 'raw.orders', 'card_number') c
join metaops.datasets d using (namespace, name)
order by c.depth, c.name, c.field;
