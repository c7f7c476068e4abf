-- Series as they are now: $1 ids, $2 points, $3 time of the newest, $4 late, $5 stale, $6 newest number, $7 expected,
-- $8 spread, $9 score, $10 nothing is missing any more, $11 states.
update graph.series s set
    points = v.points, last_at = v.last_at, late_at = v.late_at, stale_at = v.stale_at, last_value = v.last_value,
    expected = v.expected, spread = v.spread, score = v.score, accepted_run = null, state = v.state,
    missing = case when v.has_come then 0 else s.missing end
from unnest($1::uuid[], $2::int4[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::float8[], $7::float8[],
            $8::float8[], $9::float8[], $10::bool[], $11::bytea[])
    v (series_uuid, points, last_at, late_at, stale_at, last_value, expected, spread, score, has_come, state)
where s.series_uuid = v.series_uuid;
