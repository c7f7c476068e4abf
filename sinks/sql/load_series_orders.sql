-- What people and rules say of series of these groups, $1, which are locked.
select s.series_uuid as ordered_series, s.group_uuid, s.metric, s.accepted_run, s.sensitivity, s.history_min
from graph.series s
where s.group_uuid = any ($1::uuid[])
    and (s.accepted_run is not null or s.sensitivity is not null or s.history_min is not null);
