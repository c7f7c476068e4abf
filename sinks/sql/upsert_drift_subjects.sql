-- Subjects to judge, locked in order: those of which this transaction says something new, those of which a new statement says
-- what was said before (with another commit, say), and those that are watched by its statements ($1, $2 the earliest event
-- time of each, $3 their jobs, $4 whether it may be new), because what was said before may be true again. What was said first
-- is a baseline, but that a failure (aspect 6) is none. Jobs with a new statement or failure are due for what shows only in
-- several runs (aspect 9), which is the alerter's. (limit 1 and no exists: planners join with all contents there are, otherwise.)
with added as (
    select s.statement_id, s.io_id, s.job_uuid, s.kind
    from unnest($1::uuid[], $4::bool[]) b (statement_id, may_be_new) join graph.statements s using (statement_id)
    where b.may_be_new and s.xmax = '0'::xid -- inserted: the upsert of one that was there locks it first
), watched as (
    select w.subject_uuid, w.aspect
    from unnest($1::uuid[] || $3::uuid[]) t (id) join graph.drift_watch w on w.watched_id = t.id
    where not w.is_settled and exists (select from graph.drift_watch o where not o.is_settled)
    union all
    -- Events that come as they happen are earlier than none of these.
    select w.subject_uuid, w.aspect
    from unnest($1::uuid[] || $3::uuid[], $2::timestamptz[] || $2::timestamptz[]) t (id, first_at)
    join graph.drift_watch w on w.watched_id = t.id
    where w.is_settled and t.first_at < w.first_at
        and (select min(f.at) from unnest($2::timestamptz[]) f (at))
            < (select max(m.first_at) from graph.drift_watch m where m.is_settled)
)
insert into graph.drift_subjects as s (subject_uuid, aspect, contents, due_in)
select t.subject_uuid, t.aspect, sum(t.contents),
    case when sum(t.contents) > 1 or t.aspect in (6, 9) then pg_current_xact_id() end
from (
    select c.subject_uuid, c.aspect, 1 as contents from graph.drift_contents c
    where c.added_in = pg_current_xact_id() and c.aspect < 8
    union all
    select c.subject_uuid, 9, 0 from graph.drift_contents c
    where c.added_in = pg_current_xact_id() and c.aspect = 6
    union all
    select a.job_uuid, 9, 0 from added a where a.kind = 1
    union all
    select i.dataset_uuid, 1, 0
    from added a join graph.io_sets i on i.io_id = a.io_id and i.direction in (1, 2)
    where exists (select from graph.drift_contents c where c.subject_uuid = i.dataset_uuid and c.aspect = 1)
    union all
    select a.job_uuid, r.aspect, 0
    from added a cross join (values (2::smallint), (3::smallint), (7::smallint)) r (aspect)
    cross join lateral (
        select from graph.drift_contents c where c.subject_uuid = a.job_uuid and c.aspect = r.aspect limit 1) c
    union all
    select w.subject_uuid, w.aspect, 0 from watched w
) t
group by t.subject_uuid, t.aspect
order by t.subject_uuid, t.aspect
on conflict (subject_uuid, aspect) do update set contents = s.contents + excluded.contents,
    due_in = pg_current_xact_id()
where s.contents + excluded.contents > 1 or excluded.aspect in (6, 9);
