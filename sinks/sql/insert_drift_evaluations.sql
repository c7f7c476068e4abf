-- What detectors say: $1 ids of events in order, $2 monitors, $3 times, $4 states, $5 kinds, $6 elements of the verdicts,
-- $7 those that say yes, $8 distances, $9 p values, $10 thresholds, $11 request ids.
insert into graph.drift_evaluations (event_id, monitor_uuid, event_time, state, kind, judged, drifted, distance, p_value,
    threshold, request_id)
select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::int2[], $5::int2[], $6::int4[], $7::int4[],
    $8::float8[], $9::float8[], $10::float8[], $11::text[])
on conflict do nothing;
