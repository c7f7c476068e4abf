-- Drift that is found: the changes of a subject, by everything that is known of it, and whose events may alter the judgement.

-- The newest 1,000 statements about each subject: what changes with every run is no fact.
create function graph.drift_statements(subjects uuid[], aspect smallint)
returns table (subject_uuid uuid, statement_id uuid, first_at timestamptz, first_run uuid, last_at timestamptz, last_by uuid,
               description_id uuid)
language plpgsql stable
as $$
begin
    if aspect = 1 then
        return query
        select u, s.*
        from unnest(subjects) u
        cross join lateral (
            select s.statement_id, s.first_at, s.first_run, s.last_at, s.last_by,
                graph.slot_digest(s.descriptions, i.ordinal)
            from graph.io_sets i join graph.statements s using (io_id)
            where i.dataset_uuid = u and i.direction in (1, 2)
            order by 4 desc limit 1000
        ) s;
    else
        return query
        select u, s.*
        from unnest(subjects) u
        cross join lateral (
            select s.statement_id, s.first_at, s.first_run, s.last_at, s.last_by,
                case drift_statements.aspect when 2 then s.job_description else s.environment end
            from graph.statements s
            where s.job_uuid = u
            order by 4 desc limit 1000
        ) s;
    end if;
end $$;

-- What is said of a subject, a row for each statement and fact that says something.
create type graph.drift_saying as (
    subject_uuid uuid, statement_id uuid, fact text, kind text, family text, digest uuid, form_id uuid, first_at timestamptz,
    first_run uuid, last_at timestamptz, last_by uuid
);
comment on type graph.drift_saying is 'One fact, as one statement tells it.';
comment on column graph.drift_saying.subject_uuid is 'Of whom.';
comment on column graph.drift_saying.statement_id is 'The statement.';
comment on column graph.drift_saying.fact is 'What is said (graph.drift_facts).';
comment on column graph.drift_saying.kind is 'Kind of alert.';
comment on column graph.drift_saying.family is 'Who says it: the producer without versions.';
comment on column graph.drift_saying.digest is 'The facet that says it.';
comment on column graph.drift_saying.form_id is 'What it says, in the form in which it is compared (graph.drift_forms).';
comment on column graph.drift_saying.first_at is 'Earliest event time of the statement.';
comment on column graph.drift_saying.first_run is 'The run of that event.';
comment on column graph.drift_saying.last_at is 'Latest event time of the statement.';
comment on column graph.drift_saying.last_by is 'That event.';

create function graph.drift_said(subjects uuid[], aspect smallint) returns setof graph.drift_saying
language plpgsql
as $$
declare
    facets constant text[] := array(select k.facet from graph.drift_facts k where k.aspect = drift_said.aspect);
    said constant graph.drift_saying[] := array(
        select row(s.subject_uuid, s.statement_id, k.fact, k.kind, s.family, s.digest, f.form_id, s.first_at, s.first_run,
                   s.last_at, s.last_by)::graph.drift_saying
        from (
            select s.*, d.name, d.family, d.digest
            from graph.drift_statements(subjects, aspect) s
            join graph.descriptions d on d.description_id = s.description_id and d.name = any (facets)
            offset 0 -- statements first: there are few facts, and each would look at all of them
        ) s
        join graph.drift_facts k on k.aspect = drift_said.aspect and k.facet = s.name
        left join graph.drift_forms f on f.digest = s.digest and f.fact = k.fact
        where f.digest is null or f.form_id is not null);
begin
    insert into graph.drift_forms (digest, fact, form_id, form)
    select n.digest, n.fact, md5(n.form::text)::uuid, n.form
    from (
        select u.digest, u.fact, graph.drift_form(u.fact, c.content, c.deleted) as form
        from (select distinct s.digest, s.fact from unnest(said) s where s.form_id is null order by 1, 2) u
        join graph.facets c using (digest)
        offset 0
    ) n
    on conflict do nothing;
    if not found then
        return query select s.* from unnest(said) s where s.form_id is not null;
        return;
    end if;
    return query
    select * from (
        select s.subject_uuid, s.statement_id, s.fact, s.kind, s.family, s.digest, coalesce(s.form_id,
                (select f.form_id from graph.drift_forms f where f.digest = s.digest and f.fact = s.fact)) as form_id,
            s.first_at, s.first_run, s.last_at, s.last_by
        from unnest(said) s
        offset 0
    ) s
    where s.form_id is not null;
end $$;

create type graph.drift_watched as (subject_uuid uuid, watched_id uuid, is_settled boolean, first_at timestamptz);
comment on type graph.drift_watched is 'Whose events may change a judgement.';
comment on column graph.drift_watched.subject_uuid is 'Who was judged.';
comment on column graph.drift_watched.watched_id is 'Statement or job.';
comment on column graph.drift_watched.is_settled is 'Only an earlier event changes anything. False: every event may.';
comment on column graph.drift_watched.first_at is 'The earliest event time there is now.';

create type graph.drift_change as (
    subject_uuid uuid, fact text, kind text, family text, is_now jsonb, changes jsonb, is_past boolean,
    at timestamptz, run uuid, last_good_by uuid, last_good_at timestamptz
);
comment on type graph.drift_change is 'A change of one fact: what becomes an alert.';
comment on column graph.drift_change.subject_uuid is 'Of whom.';
comment on column graph.drift_change.fact is 'What changed.';
comment on column graph.drift_change.kind is 'Kind of alert.';
comment on column graph.drift_change.family is 'Who says it: the producer without versions; or empty.';
comment on column graph.drift_change.is_now is 'What is said: the change''s name.';
comment on column graph.drift_change.changes is 'The difference, as people are told of it.';
comment on column graph.drift_change.is_past is 'Nothing of it holds in what is accepted now.';
comment on column graph.drift_change.at is 'Time of the event that showed it first.';
comment on column graph.drift_change.run is 'The run of that event.';
comment on column graph.drift_change.last_good_by is 'The last event before it that said otherwise.';
comment on column graph.drift_change.last_good_at is 'Its time.';

-- The run that a run is part of, at the top.
create function graph.root_of(run uuid) returns uuid
language plpgsql stable parallel safe
as $$
begin
    return (select coalesce(r.root_uuid, r.parent_uuid, r.run_uuid) from graph.runs r where r.run_uuid = run);
end $$;

create function graph.run_of(event uuid, at timestamptz) returns uuid
language plpgsql stable parallel safe
as $$
begin
    return (select e.run_uuid from graph.events e where e.event_id = event and e.event_time = at limit 1);
end $$;

-- A facet in the form in which it is compared, made before.
create function graph.drift_form_of(digest uuid, fact text) returns jsonb
language plpgsql stable parallel safe
as $$
begin
    return (select f.form from graph.drift_forms f where f.digest = drift_form_of.digest and f.fact = drift_form_of.fact);
end $$;

-- Something of the changes is true of what is accepted: facets was and accepted_as.
create function graph.still_holds(fact text, changes jsonb, was uuid, accepted_as uuid) returns boolean
language plpgsql stable parallel safe
as $$
declare
    accepted constant jsonb := graph.drift_form_of(accepted_as, fact);
begin
    if fact = 'schema' and not changes @> '[{"change": "reordered"}]' then
        return exists (
            select from jsonb_array_elements(changes) c
            where case c ->> 'change'
                when 'removed' then not exists (select from graph.schema_columns(accepted) a where a.field = c ->> 'field')
                else exists (select from graph.schema_columns(accepted) a where a.field = c ->> 'field'
                             and a.type is not distinct from coalesce(c ->> 'to', c ->> 'type', a.type)) end);
    end if;
    return exists (
        select from jsonb_array_elements(changes) c
        where c in (select graph.drift_changes(fact, graph.drift_form_of(was, fact), accepted)));
end $$;

-- The changes of every fact among what was said. Differences are made once: each judgement of a subject compares all that was
-- ever said of it. Joins of sets of any size: hashed.
create function graph.drift_of(sayings graph.drift_saying[]) returns setof graph.drift_change
language plpgsql set enable_hashjoin = on set enable_nestloop = off
as $$
begin
    return query
    with said as materialized (
        select subject_uuid, fact, kind, family, form_id, (array_agg(digest))[1] as digest, min(first_at) as first_at,
            (array_agg(first_run order by first_at, first_run))[1] as first_run,
            max(last_at) as last_at, (array_agg(last_by order by last_at desc, last_by desc))[1] as last_by
        from unnest(sayings)
        group by subject_uuid, fact, kind, family, form_id
    ), ranked as materialized (
        select *, row_number() over (fact order by first_at, form_id) as place,
            array_agg(last_at) over (fact order by first_at, form_id rows unbounded preceding) as last_ats,
            first_value(form_id) over (fact order by last_at desc, last_by desc, form_id desc) as accepted_id,
            first_value(digest) over (fact order by last_at desc, last_by desc, form_id desc) as accepted
        from said
        window fact as (partition by subject_uuid, fact, family)
    ), changes as (
        select n.*, w.digest as was, w.form_id as was_id, w.first_run as was_first_run, w.last_by as good_by, w.last_at as good_at
        from (
            select r.*, (select p.place from unnest(r.last_ats[:r.place - 1]) with ordinality p (last_at, place)
                         order by least(p.last_at, r.first_at) desc, p.last_at desc, p.place desc limit 1) as before
            from ranked r
            where r.place > 1
            offset 0
        ) n
        join ranked w on w.subject_uuid = n.subject_uuid and w.fact = n.fact and w.family = n.family and w.place = n.before
    ), pairs as materialized (
        select c.*, p.pair, (select array[d.changes] from graph.drift_diffs d where d.pair = p.pair limit 1) as made
        from changes c cross join lateral (select md5(concat_ws('|', c.fact, c.was_id, c.form_id))::uuid as pair offset 0) p
    ), fresh as materialized (
        select p.pair, (select jsonb_agg(x) from graph.drift_changes(p.fact, graph.drift_form_of(p.was, p.fact),
                                                                    graph.drift_form_of(p.digest, p.fact)) x) as changes
        from (select distinct on (p.pair) p.* from pairs p where p.made is null) p
    ), stored as (
        insert into graph.drift_diffs select f.pair, f.changes from fresh f
    ), told as (
        select p.*, coalesce(p.made[1], f.changes) as changes from pairs p left join fresh f using (pair)
    )
    select subject_uuid, fact, kind, family, to_jsonb(form_id), t.changes,
        form_id <> accepted_id and not graph.still_holds(fact, t.changes, was, accepted),
        first_at, first_run, good_by, good_at
    from told t
    where t.changes is not null
        -- One run may say several things of a job, by turns.
        and (kind <> 'code' or graph.root_of(first_run) is distinct from graph.root_of(was_first_run)
             and graph.root_of(first_run) is distinct from graph.root_of(graph.run_of(good_by, good_at)));
end $$;

-- Two producers that state another type of one field, as of what each said last.
create function graph.disagreements_of(sayings graph.drift_saying[]) returns setof graph.drift_change
language plpgsql stable
as $$
begin
    if not exists (select from unnest(sayings) s where s.fact = 'schema' group by s.subject_uuid
                   having min(s.family) <> max(s.family)) then
        return;
    end if;
    return query
    with latest as materialized (
        select distinct on (subject_uuid, family) subject_uuid, family, graph.drift_form_of(digest, 'schema') as form, first_at,
            first_run, last_at, last_by
        from unnest(sayings)
        where fact = 'schema'
        order by subject_uuid, family, last_at desc, last_by desc, form_id desc
    ), fields as (
        select l.subject_uuid, l.family, l.first_at, l.first_run, f.field, regexp_replace(f.type, '\(.*', '') as type
        from latest l cross join lateral graph.schema_columns(l.form) f
        where f.type is not null
    ), pairs as (
        select a.subject_uuid, a.family, b.family as other,
            jsonb_agg(jsonb_build_object('change', 'differs', 'field', a.field, 'from', a.type, 'to', b.type)
                      order by a.field) as changes,
            max(b.first_at) as first_at, (array_agg(b.first_run))[1] as first_run
        from fields a
        join fields b on b.subject_uuid = a.subject_uuid and b.field = a.field and b.type <> a.type
            and (b.first_at, b.family) > (a.first_at, a.family)
        group by a.subject_uuid, a.family, b.family
    )
    select subject_uuid, 'producers', 'consistency', other, to_jsonb(family), changes, false, first_at, first_run,
        null::uuid, null::timestamptz
    from pairs;
end $$;

-- A name without what differs from day to day: partitions, dates, numbers of runs.
create function graph.name_pattern(name text) returns text
language sql immutable parallel safe
return regexp_replace(name, '[0-9a-f]{8}-[0-9a-f-]{27}|[0-9]+', '#', 'g');

-- Datasets that runs of a job name (direction 0: inputs, 1: outputs): since when, by which run first, until when; and until when
-- any of the pattern, as another day's partition is no other dataset.
create function graph.named_by(job uuid, io_direction smallint)
returns table (dataset_uuid uuid, namespace text, name text, pattern text, first_at timestamptz, first_run uuid,
               last_at timestamptz, pattern_last timestamptz)
language plpgsql stable
as $$
begin
    return query
    select n.*, max(n.last_at) over (partition by n.pattern)
    from (
        select i.dataset_uuid, d.namespace, d.name, d.namespace || '/' || graph.name_pattern(d.name) as pattern,
            min(s.first_at), (array_agg(s.first_run order by s.first_at, s.first_run))[1], max(s.last_at) as last_at
        from graph.statements s
        join graph.io_sets i using (io_id)
        join graph.datasets d using (dataset_uuid)
        where s.job_uuid = job and s.kind = 1 and i.direction = io_direction
        group by i.dataset_uuid, d.namespace, d.name
    ) n;
end $$;

-- Runs of a job that completed behind a time, and name datasets but not this one in that direction; 2 at most.
create function graph.runs_without(job uuid, io_direction smallint, dataset uuid, since timestamptz)
returns table (run_uuid uuid, at timestamptz)
language plpgsql stable
as $$
begin
    return query
    select e.run_uuid, min(e.event_time)
    from graph.statements s join graph.events e using (statement_id)
    where s.job_uuid = job and s.written_at > since and e.event_time > since and upper(e.event_type) = 'COMPLETE'
        and s.io_id is not null
        and not exists (select from graph.run_io_sets r join graph.io_sets i using (io_id)
                        where r.run_uuid = e.run_uuid and i.dataset_uuid = dataset and i.direction = io_direction)
    group by e.run_uuid
    order by 2, 1 limit 2;
end $$;

-- New inputs of a job (those of its first run that named any are the baseline), and inputs that two completed runs in a row
-- did without.
create function graph.input_drift_of(job uuid) returns setof graph.drift_change
language plpgsql stable
as $$
begin
    return query
    with inputs as materialized (
        select i.*, min(i.first_at) over (partition by i.pattern) as pattern_first,
            first_value(i.first_run) over (order by i.first_at, i.first_run) as base_run
        from graph.named_by(job, 0::smallint) i
    ), vanished as materialized (
        select i.*, w.run_uuid, w.at
        from inputs i
        cross join lateral (select array_agg(r.run_uuid order by r.at, r.run_uuid) as runs,
                                array_agg(r.at order by r.at, r.run_uuid) as times
                            from graph.runs_without(job, 0::smallint, i.dataset_uuid, i.pattern_last) r) r
        cross join lateral (select r.runs[2] as run_uuid, r.times[2] as at) w
        where cardinality(r.runs) = 2 and i.last_at = i.pattern_last
    )
    select job, 'inputs', 'topology', '', to_jsonb(i.dataset_uuid), jsonb_build_array(jsonb_build_object(
            'change', 'added', 'what', 'input', 'value', i.namespace || '/' || i.name)),
        exists (select from vanished v where v.dataset_uuid = i.dataset_uuid), i.first_at, i.first_run, null::uuid,
        null::timestamptz
    from inputs i
    where i.first_at = i.pattern_first and i.first_run is not null
        and graph.root_of(i.first_run) is distinct from graph.root_of(i.base_run)
    union all
    select job, 'inputs', 'topology', 'vanished', to_jsonb(i.dataset_uuid), jsonb_build_array(jsonb_build_object(
            'change', 'removed', 'what', 'input', 'value', i.namespace || '/' || i.name)),
        false, i.at, i.run_uuid, null, i.last_at
    from vanished i;
end $$;

-- Statements of a job to look at again: those with an input that has vanished, and those of whole runs without an input that
-- has not.
create function graph.watch_inputs(job uuid)
returns setof graph.drift_watched
language sql stable
begin atomic
    with inputs as materialized (
        select i.dataset_uuid, i.pattern,
            (select count(*) from graph.runs_without(job, 0::smallint, i.dataset_uuid, i.last_at)) = 2 as is_gone
        from graph.named_by(job, 0::smallint) i
    ), named as materialized (
        select distinct s.statement_id, i.dataset_uuid, n.pattern
        from graph.statements s
        join graph.io_sets i on i.io_id = s.io_id and i.direction = 0
        join inputs n on n.dataset_uuid = i.dataset_uuid
        where s.job_uuid = job
    )
    select job, s.statement_id, not exists (
            select from inputs i
            where i.is_gone and exists (select from named n
                                        where n.statement_id = s.statement_id and n.dataset_uuid = i.dataset_uuid)
                or not i.is_gone and s.written_at is not null and not exists (
                    select from named n where n.statement_id = s.statement_id and n.pattern = i.pattern)),
        s.first_at
    from graph.statements s
    where s.job_uuid = job and s.io_id is not null;
end;

-- Jobs that write a dataset (aspect 4) or read it (5), each as the run at the top of its first run shows it: a new one
-- beside those that were there is a shadow writer or a new reader. Readers of the first day are the baseline: a platform
-- that begins to send would tell of each.
create function graph.neighbour_drift_of(datasets uuid[], aspect smallint) returns setof graph.drift_change
language plpgsql stable
as $$
declare
    baseline constant interval := case aspect when 4 then interval '0' else interval '1 day' end;
begin
    return query
    with jobs as materialized (
        select i.dataset_uuid, s.job_uuid, min(s.first_at) as first_at,
            (array_agg(s.first_run order by s.first_at, s.first_run))[1] as run,
            max(min(s.first_at)) over (partition by i.dataset_uuid)
                > min(min(s.first_at)) over (partition by i.dataset_uuid) + baseline as is_open
        from unnest(datasets) u
        join graph.io_sets i on i.dataset_uuid = u and i.direction = case neighbour_drift_of.aspect when 4 then 1 else 0 end
        join graph.statements s on s.io_id = i.io_id and s.kind = 1
        group by i.dataset_uuid, s.job_uuid
    ), tops as materialized (
        select j.dataset_uuid, coalesce(r.job_uuid, j.job_uuid) as top, min(j.first_at) as first_at,
            (array_agg(j.job_uuid order by j.first_at, j.job_uuid))[1] as job_uuid,
            (array_agg(j.run order by j.first_at, j.run))[1] as run,
            min(min(j.first_at)) over (partition by j.dataset_uuid) as base
        from jobs j left join graph.runs r on r.run_uuid = graph.root_of(j.run)
        where j.is_open
        group by 1, 2
    )
    select t.dataset_uuid, case neighbour_drift_of.aspect when 4 then 'writers' else 'readers' end, 'topology', '',
        to_jsonb(t.top), jsonb_build_array(jsonb_build_object('change', 'added', 'what',
            case neighbour_drift_of.aspect when 4 then 'writer' else 'reader' end, 'value', j.namespace || '/' || j.name)),
        false, t.first_at, t.run, null::uuid, null::timestamptz
    from tops t join graph.jobs j on j.job_uuid = t.job_uuid
    where t.first_at > t.base + baseline;
end $$;

-- An earlier event of one of the jobs may tell who came first.
create function graph.watch_neighbours(dataset uuid, aspect smallint)
returns setof graph.drift_watched
language sql stable
begin atomic
    select dataset, s.job_uuid, true, min(s.first_at)
    from graph.io_sets i join graph.statements s using (io_id)
    where i.dataset_uuid = dataset and s.kind = 1
        and i.direction = case watch_neighbours.aspect when 4 then 1 else 0 end
    group by s.job_uuid;
end;

-- A job that fails after it had completed; over with the next run that completes.
create function graph.failures_of(job uuid) returns setof graph.drift_change
language plpgsql stable
as $$
begin
    return query
    with failures as (
        select r.run_uuid, r.ended_at, r.error_message
        from graph.drift_contents c join graph.runs r on r.run_uuid = c.content_id
        where c.subject_uuid = job and c.aspect = 6 and r.state in (3, 4) and r.ended_at is not null
    ), good as (
        select max(s.written_at) as last_at from graph.statements s where s.job_uuid = job
    ), bad as (
        -- The first failure behind the last success; when there is none, the last failure.
        select f.*, g.last_at as good_at
        from failures f cross join good g
        where exists (select from graph.runs o where o.job_uuid = job and o.state = 2 and o.ended_at < f.ended_at)
        order by (f.ended_at > g.last_at) desc, case when f.ended_at > g.last_at then f.ended_at end,
            f.ended_at desc, f.run_uuid limit 1
    )
    select job, 'runs', 'behaviour', '', 'true'::jsonb, jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
            'change', 'changed', 'what', 'outcome', 'from', 'COMPLETED', 'to', 'FAILED', 'error', left(b.error_message, 1000)))),
        b.good_at > b.ended_at, b.ended_at, b.run_uuid, null::uuid, b.good_at
    from bad b;
end $$;

-- Any event of a job may end its failing, or tell that it worked before.
create function graph.watch_failures(job uuid)
returns setof graph.drift_watched
language sql stable
begin atomic
    select job, job, false, 'infinity'::timestamptz
    where not exists (select from graph.failures_of(job) f where f.is_past);
end;

-- Statements of which something else was said too: settled are those that say what is accepted.
create function graph.watch_said(sayings graph.drift_saying[])
returns setof graph.drift_watched
language plpgsql stable
as $$
begin
    return query
    select s.subject_uuid, s.statement_id, bool_and(s.form_id = s.accepted), min(s.first_at)
    from (
        select f.*, bool_or(f.form_id <> f.accepted) over (partition by f.subject_uuid, f.fact, f.family) as is_contested
        from (
            select d.*, first_value(d.form_id) over (partition by d.subject_uuid, d.fact, d.family
                order by d.last_at desc, d.last_by desc, d.form_id desc) as accepted
            from unnest(sayings) d
        ) f
    ) s
    where s.is_contested
    group by s.subject_uuid, s.statement_id;
end $$;
