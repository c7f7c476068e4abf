-- What nobody told of $3 version of $2 model in $1 namespace though no bill has to have it: its digest, and how it was made.
select 'digest'
from metaops.model_versions v
where (v.namespace, v.name, v.version) = ($1, $2, $3) and v.digest is null
union all
select case when r.what <> 'input' then r.what when r.name is null then 'inputs' else 'version of ' || r.name end
from metaops.reproduce($1, $2, $3) r
where r.missing
