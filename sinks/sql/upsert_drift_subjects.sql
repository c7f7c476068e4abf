-- Subjects to judge, locked in order: those of which this transaction says something new, and those whose statements
-- ($1, $2 the earliest event time of each) are watched because what they say may have become true again.
insert into graph.drift_subjects as s (subject_uuid, aspect, contents, is_due)
select t.subject_uuid, t.aspect, sum(t.contents), sum(t.contents) > 1
from (
    select c.subject_uuid, c.aspect, 1 as contents from graph.drift_contents c where c.is_new
    union all
    select w.subject_uuid, w.aspect, 0
    from unnest($1::uuid[], $2::timestamptz[]) b (statement_id, first_at)
    join graph.drift_watch w on w.statement_id = b.statement_id
    where not w.is_settled or b.first_at < w.first_at
) t
group by t.subject_uuid, t.aspect
order by t.subject_uuid, t.aspect
on conflict (subject_uuid, aspect) do update set contents = s.contents + excluded.contents, is_due = true;
