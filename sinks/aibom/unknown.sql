-- What the bill of $3 version of $2 model in $1 namespace lacks beside what it has to have: hidden is what who asks may not
-- see; wanted is what nobody told, its digest and how it was made.
with hidden as materialized (
    select coalesce(graph.bom_hidden($1, $2, $3), '{}') as parts
)
select 'hidden', case part
    when 'run' then 'the run that made it, what it read and what it said'
    when 'facets' then 'image, packages, engine, parameters and environment of its run, if told'
    when 'inputs' then 'some of its inputs'
    else 'the dataset that is its artifact' end
from hidden, unnest(parts) part
union all
select 'wanted', 'digest'
from metaops.model_versions v
where (v.namespace, v.name, v.version) = ($1, $2, $3) and v.digest is null
union all
select 'wanted', case when r.what <> 'input' then r.what when r.name is null then 'inputs' else 'version of ' || r.name end
from hidden, metaops.reproduce($1, $2, $3) r
where r.missing and not 'run' = any (parts)
    and not (r.what in ('image', 'packages', 'engine', 'parameters', 'environment') and 'facets' = any (parts))
    and not (r.what = 'input' and r.name is null and 'inputs' = any (parts))
