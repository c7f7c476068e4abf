-- States of groups of series, for this transaction alone: $1 their ids. Locked in the order of ids, as last table of all.
select g.group_uuid as locked_group, g.missing, g.has_orders, g.last_at, g.late_at, g.stale_at, g.states
from graph.series_states g
where g.group_uuid = any ($1::uuid[])
order by g.group_uuid
for update;
