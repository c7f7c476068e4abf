-- $1 ids in order, $2 kind, $3 job, $4 what is said of it, $5 io set, $6 what is said of its datasets (16
-- bytes each), $7 layout of the events' own facets, $8 producer, $9 earliest and $10 latest event time,
-- $11 the latest event, $12 and $13 the same of COMPLETE events (null: none), $14 the run of the earliest
-- (null: none), $15 what is said of what ran it.
insert into graph.statements as s (statement_id, kind, job_uuid, job_description, io_id,
    descriptions, layout_id, producer, first_at, last_at, last_by, written_at, written_by, first_run, environment)
select * from unnest($1::uuid[], $2::int2[], $3::uuid[], $4::uuid[], $5::uuid[], $6::bytea[],
    $7::uuid[], $8::text[], $9::timestamptz[], $10::timestamptz[], $11::uuid[], $12::timestamptz[],
    $13::uuid[], $14::uuid[], $15::uuid[])
on conflict (statement_id) do update set
    first_at = least(s.first_at, excluded.first_at),
    first_run = case when excluded.first_at > s.first_at then s.first_run
        when excluded.first_at < s.first_at then excluded.first_run
        else least(s.first_run, excluded.first_run) end,
    last_at = greatest(s.last_at, excluded.last_at),
    last_by = case when (excluded.last_at, excluded.last_by) > (s.last_at, s.last_by)
        then excluded.last_by else s.last_by end,
    written_at = greatest(s.written_at, excluded.written_at),
    written_by = case when excluded.written_at is null then s.written_by
        when s.written_at is null then excluded.written_by
        when (excluded.written_at, excluded.written_by) > (s.written_at, s.written_by)
        then excluded.written_by else s.written_by end;
