-- Which columns are made of columns that are tagged as personal data, in how many steps, and whose are they?
select f.name || '.' || f.field as personal, c.depth, c.namespace, c.name, c.field, d.owner
from metaops.dataset_fields f
cross join metaops.column_downstream(f.namespace, f.name, f.field) c
join metaops.datasets d on d.namespace = c.namespace and d.name = c.name
where f.namespace = 'pg://questions' and 'pii' = any (f.tags)
order by c.depth, c.name, c.field;
