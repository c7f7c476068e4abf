-- Each contract with each of its datasets.
select case when is_broken then 'broken' when name is null then 'waits' else 'holds' end, contract_id, namespace, name, to_jsonb(c)
from metaops.contracts c
order by contract_id, namespace, name
