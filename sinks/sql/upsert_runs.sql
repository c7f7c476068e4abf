-- Claims about runs, merged by the rules of pg_merge.c: $1 ids in order, $2 run id where it is no
-- UUID, $3 state, $4 earliest START, $5 earliest own event, $6 latest terminal event, $7-$10 job (id,
-- own or mentioned, event time, event), $11-$14 parent (id, root, event time, event), $15-$18 nominal
-- times (start, end, event time, event), $19-$21 error (message, event time, event), $22 what is known of minimum
-- metadata.
-- Returns what the runs are now: what they took is a series.
insert into graph.runs as r (run_uuid, run_id, state, started_at, first_at, ended_at,
    job_uuid, job_own, job_at, job_by, parent_uuid, root_uuid, parent_at, parent_by,
    nominal_start, nominal_end, nominal_at, nominal_by, error_message, error_at, error_by,
    facts)
select * from unnest($1::uuid[], $2::text[], $3::int2[], $4::timestamptz[], $5::timestamptz[],
    $6::timestamptz[], $7::uuid[], $8::bool[], $9::timestamptz[], $10::uuid[], $11::uuid[],
    $12::uuid[], $13::timestamptz[], $14::uuid[], $15::timestamptz[], $16::timestamptz[],
    $17::timestamptz[], $18::uuid[], $19::text[], $20::timestamptz[], $21::uuid[],
    $22::int4[])
on conflict (run_uuid) do update set
    state = greatest(r.state, excluded.state),
    started_at = least(r.started_at, excluded.started_at),
    first_at = least(r.first_at, excluded.first_at),
    ended_at = greatest(r.ended_at, excluded.ended_at),
    job_uuid = case when (excluded.job_own, excluded.job_at, excluded.job_by, excluded.job_uuid)
            > (r.job_own, coalesce(r.job_at, '-infinity'), r.job_by, r.job_uuid)
        then excluded.job_uuid else r.job_uuid end,
    job_own = case when (excluded.job_own, excluded.job_at, excluded.job_by, excluded.job_uuid)
            > (r.job_own, coalesce(r.job_at, '-infinity'), r.job_by, r.job_uuid)
        then excluded.job_own else r.job_own end,
    job_at = case when (excluded.job_own, excluded.job_at, excluded.job_by, excluded.job_uuid)
            > (r.job_own, coalesce(r.job_at, '-infinity'), r.job_by, r.job_uuid)
        then excluded.job_at else r.job_at end,
    job_by = case when (excluded.job_own, excluded.job_at, excluded.job_by, excluded.job_uuid)
            > (r.job_own, coalesce(r.job_at, '-infinity'), r.job_by, r.job_uuid)
        then excluded.job_by else r.job_by end,
    parent_uuid = case when (excluded.parent_at, excluded.parent_by)
            > (coalesce(r.parent_at, '-infinity'), r.parent_by)
        then excluded.parent_uuid else r.parent_uuid end,
    root_uuid = case when (excluded.parent_at, excluded.parent_by)
            > (coalesce(r.parent_at, '-infinity'), r.parent_by)
        then excluded.root_uuid else r.root_uuid end,
    parent_at = case when (excluded.parent_at, excluded.parent_by)
            > (coalesce(r.parent_at, '-infinity'), r.parent_by)
        then excluded.parent_at else r.parent_at end,
    parent_by = case when (excluded.parent_at, excluded.parent_by)
            > (coalesce(r.parent_at, '-infinity'), r.parent_by)
        then excluded.parent_by else r.parent_by end,
    nominal_start = case when (excluded.nominal_at, excluded.nominal_by)
            > (coalesce(r.nominal_at, '-infinity'), r.nominal_by)
        then excluded.nominal_start else r.nominal_start end,
    nominal_end = case when (excluded.nominal_at, excluded.nominal_by)
            > (coalesce(r.nominal_at, '-infinity'), r.nominal_by)
        then excluded.nominal_end else r.nominal_end end,
    nominal_at = case when (excluded.nominal_at, excluded.nominal_by)
            > (coalesce(r.nominal_at, '-infinity'), r.nominal_by)
        then excluded.nominal_at else r.nominal_at end,
    nominal_by = case when (excluded.nominal_at, excluded.nominal_by)
            > (coalesce(r.nominal_at, '-infinity'), r.nominal_by)
        then excluded.nominal_by else r.nominal_by end,
    error_message = case when (excluded.error_at, excluded.error_by)
            > (coalesce(r.error_at, '-infinity'), r.error_by)
        then excluded.error_message else r.error_message end,
    error_at = case when (excluded.error_at, excluded.error_by)
            > (coalesce(r.error_at, '-infinity'), r.error_by)
        then excluded.error_at else r.error_at end,
    error_by = case when (excluded.error_at, excluded.error_by)
            > (coalesce(r.error_at, '-infinity'), r.error_by)
        then excluded.error_by else r.error_by end,
    facts = r.facts | excluded.facts
returning run_uuid, started_at, ended_at, state;
