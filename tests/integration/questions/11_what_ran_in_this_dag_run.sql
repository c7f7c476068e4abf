-- What ran in the run of the DAG shop of 19 November, under what, and how did it end?
with recursive tree as (
    select run_id, job_name, state, duration_ms, array[started_at] as place
    from metaops.runs where run_id = '91010000-0000-4000-8000-000000001119'
    union all
    select r.run_id, r.job_name, r.state, r.duration_ms, t.place || r.started_at
    from tree t join metaops.runs r on r.parent_run_id = t.run_id and cardinality(t.place) < 10
)
select repeat('  ', cardinality(place) - 1) || job_name as run, state, duration_ms from tree order by place;
