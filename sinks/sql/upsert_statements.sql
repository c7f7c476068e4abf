-- $1 ids in order, $2 kind, $3 job, $4 what is said of it, $5 io set, $6 what is said of its datasets (16
-- bytes each), $7 producer, $8 earliest and $9 latest event time, $10 the latest event, $11 and $12 the
-- same of COMPLETE events (null: none).
insert into graph.statements as s (statement_id, kind, job_uuid, job_description, io_id,
    descriptions, producer, first_at, last_at, last_by, written_at, written_by)
select * from unnest($1::uuid[], $2::int2[], $3::uuid[], $4::uuid[], $5::uuid[], $6::bytea[],
    $7::text[], $8::timestamptz[], $9::timestamptz[], $10::uuid[], $11::timestamptz[], $12::uuid[])
on conflict (statement_id) do update set
    first_at = least(s.first_at, excluded.first_at),
    last_at = greatest(s.last_at, excluded.last_at),
    last_by = case when (excluded.last_at, excluded.last_by) > (s.last_at, s.last_by)
        then excluded.last_by else s.last_by end,
    written_at = greatest(s.written_at, excluded.written_at),
    written_by = case when excluded.written_at is null then s.written_by
        when s.written_at is null then excluded.written_by
        when (excluded.written_at, excluded.written_by) > (s.written_at, s.written_by)
        then excluded.written_by else s.written_by end;
