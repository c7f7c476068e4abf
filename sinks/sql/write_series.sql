-- Groups of series as they are now: $1 ids, $2 what was told to be missing, $3 orders still stand, $4 time of the newest write,
-- $5 when the next is late, $6 stale, $7 states.
update graph.series_states g set
    missing = v.missing, has_orders = v.has_orders, last_at = v.last_at, late_at = v.late_at, stale_at = v.stale_at,
    states = v.states
from unnest($1::uuid[], $2::int2[], $3::bool[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::bytea[])
    v (group_uuid, missing, has_orders, last_at, late_at, stale_at, states)
where g.group_uuid = v.group_uuid;
