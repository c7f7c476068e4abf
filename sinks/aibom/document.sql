-- The bill of $1 model (NAMESPACE/NAME), $2 version in $3 format, for people and in SPDX's words; $4: seconds of its time,
-- null: that of its latest event. Null where nobody told of the version; a row for each model of that name.
select jsonb_pretty(metaops.aibom(m.namespace, m.name, $2, $3, to_timestamp($4::bigint))),
    metaops.aibom(m.namespace, m.name, $2, 'spdx3', to_timestamp($4::bigint)), m.namespace, m.name
from metaops.models m
where $1 = m.namespace || '/' || m.name or m.namespace = '' and $1 = m.name
order by (select count(*) from metaops.model_versions v where (v.namespace, v.name, v.version) = (m.namespace, m.name, $2)) desc
