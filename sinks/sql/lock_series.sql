-- States of series, for this transaction alone: $1 their ids. Locked in the order of ids, as last table of all.
select s.series_uuid as locked_series, s.missing, s.last_at, s.state, s.accepted_run, s.sensitivity, s.history_min
from graph.series s
where s.series_uuid = any ($1::uuid[])
order by s.series_uuid
for update;
