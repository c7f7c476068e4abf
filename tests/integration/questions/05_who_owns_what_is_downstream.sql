-- Who owns what is downstream of raw.orders?
select coalesce(d.owner, 'nobody') as owner, string_agg(d.name, ', ' order by d.name) as datasets
from metaops.downstream('pg://questions', 'raw.orders') w
join metaops.datasets d using (namespace, name)
group by d.owner
order by 1;
