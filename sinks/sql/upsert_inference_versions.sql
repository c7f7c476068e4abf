-- What new answers add to the versions of windows: $1 streams, $2 begins, $3 versions (keys in order), $4 answers, $5 earliest and
-- $6 latest time.
insert into graph.inference_versions as v (stream_uuid, window_start, version, answers, first_at, last_at)
select * from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::int8[], $5::timestamptz[], $6::timestamptz[])
on conflict (stream_uuid, window_start, version) do update set
    answers = v.answers + excluded.answers,
    first_at = least(v.first_at, excluded.first_at),
    last_at = greatest(v.last_at, excluded.last_at);
