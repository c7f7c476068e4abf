-- What is missing of the same, what the gate asks for first.
select case when is_mandatory then 'missing' else 'wanted' end, field, known_by, supplied_by
from metaops.gate($1, $2, $3, $4)
where state = 'missing'
order by is_mandatory desc
