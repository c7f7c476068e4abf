-- What was expected of these series, $1 in order, is in their states now.
update graph.series s set accepted_run = null
from unnest($1::uuid[]) v (series_uuid)
where s.series_uuid = v.series_uuid;
