-- What of a job shows only in several of its runs: outputs that nobody writes any more, cycles, facets that stopped coming,
-- runs that needed a retry. Judged by the alerter (aspect 9 of graph.drift_subjects, the job), as it takes looking at runs:
-- again when a statement of the job is new, when a run failed, and for what graph.drift_watch names.

-- A dataset is an orphan once each job that wrote it completed two runs without it.
create function graph.orphan_of(dataset uuid) returns setof graph.drift_change
language plpgsql stable
as $$
begin
    return query
    with writers as materialized (
        select distinct s.job_uuid
        from graph.io_sets i join graph.statements s using (io_id)
        where i.dataset_uuid = dataset and i.direction = 1 and s.kind = 1
    ), gone as materialized (
        select w.job_uuid, n.last_at, r.runs[2] as run, r.times[2] as at
        from writers w
        cross join lateral (select n.* from graph.named_by(w.job_uuid, 1::smallint) n where n.dataset_uuid = dataset) n
        cross join lateral (
            select array_agg(r.run_uuid order by r.at, r.run_uuid) as runs, array_agg(r.at order by r.at, r.run_uuid) as times
            from graph.runs_without(w.job_uuid, 1::smallint, dataset, n.pattern_last) r where n.last_at = n.pattern_last) r
    ), last as (
        select g.* from gone g order by g.at desc, g.job_uuid desc limit 1
    )
    select dataset, 'orphan', 'topology', '', to_jsonb(l.job_uuid), jsonb_build_array(jsonb_build_object(
            'change', 'removed', 'what', 'last writer', 'value', j.namespace || '/' || j.name)),
        false, l.at, l.run, null::uuid, (select max(g.last_at) from gone g)
    from last l join graph.jobs j using (job_uuid)
    where not exists (select from gone g where g.run is null);
end $$;

-- The links of a cycle that a job closes with others: the shortest way from what it writes to what it reads. What it
-- reads and writes itself is none.
create function graph.cycle_through(job uuid)
returns table (place integer, job_uuid uuid, input_uuid uuid, output_uuid uuid)
language plpgsql stable
as $$
declare
    inputs constant uuid[] := array(select e.dataset_uuid from graph.edges e where e.job_uuid = job and e.direction = 0);
    outputs constant uuid[] := array(select e.dataset_uuid from graph.edges e where e.job_uuid = job and e.direction = 1);
    wanted constant uuid[] := array(select u from unnest(inputs) u where u <> all (outputs));
    seen uuid[] := array(select u from unnest(outputs) u where u <> all (inputs)); -- in the order in which they are found
    via uuid[] := array_fill(null::uuid, array[cardinality(seen)]);                -- by which job
    before uuid[] := via;                                                          -- from which dataset
    first integer := 1;
    last integer;
    at integer;
begin
    for depth in 1..20 loop
        last := cardinality(seen);
        exit when first > last or last > 5000 or cardinality(wanted) = 0;
        select seen || coalesce(array_agg(n.dataset_uuid), '{}'), via || coalesce(array_agg(n.job_uuid), '{}'),
            before || coalesce(array_agg(n.input_uuid), '{}') into seen, via, before
        from (
            select distinct on (o.dataset_uuid) o.dataset_uuid, i.job_uuid, i.dataset_uuid as input_uuid
            from graph.edges i join graph.edges o on o.job_uuid = i.job_uuid and o.direction = 1
            where i.direction = 0 and i.dataset_uuid = any (seen[first:last]) and i.job_uuid <> job
                and o.dataset_uuid <> all (seen)
            order by o.dataset_uuid, i.job_uuid, i.dataset_uuid) n;
        first := last + 1;
        select min(s.n) into at from unnest(seen) with ordinality s (u, n) where s.n >= first and s.u = any (wanted);
        exit when at is not null;
    end loop;
    if at is null then
        return;
    end if;
    place := 0;
    job_uuid := job;
    input_uuid := seen[at];
    while via[at] is not null loop
        place := place + 1;
        return query select place, via[at], before[at], seen[at];
        at := array_position(seen, before[at]);
    end loop;
    return query select 0, job, input_uuid, seen[at];
end $$;

-- A cycle that a job closed a day or more after the first of its links was there; over when a link is gone. Told of the job
-- that closed it, whichever of its jobs is judged.
create function graph.cycle_of(job uuid) returns setof graph.drift_change
language plpgsql stable
as $$
begin
    if not exists (select from graph.cycle_through(job)) then
        return;
    end if;
    return query
    with links as materialized (
        select c.*, i.namespace || '/' || i.name as input_name, greatest(r.first_at, w.first_at) as first_at,
            case when w.first_at > r.first_at then w.run else r.run end as run,
            (select count(*) from graph.runs_without(c.job_uuid, 0::smallint, c.input_uuid, r.last_at)) = 2
                or (select count(*) from graph.runs_without(c.job_uuid, 1::smallint, c.output_uuid, w.last_at)) = 2 as is_gone
        from graph.cycle_through(job) c
        join graph.datasets i on i.dataset_uuid = c.input_uuid
        cross join lateral (
            select min(s.first_at) as first_at, (array_agg(s.first_run order by s.first_at, s.first_run))[1] as run, max(s.last_at) as last_at
            from graph.statements s join graph.io_sets o using (io_id)
            where s.job_uuid = c.job_uuid and o.direction = 0 and o.dataset_uuid = c.input_uuid) r
        cross join lateral (
            select min(s.first_at) as first_at, (array_agg(s.first_run order by s.first_at, s.first_run))[1] as run, max(s.last_at) as last_at
            from graph.statements s join graph.io_sets o using (io_id)
            where s.job_uuid = c.job_uuid and o.direction = 1 and o.dataset_uuid = c.output_uuid) w
    ), closing as (
        select l.* from links l order by l.first_at desc, l.job_uuid desc limit 1
    )
    -- The way through the cycle begins and ends where it was closed; places run against the way of the data.
    select c.job_uuid, 'cycle', 'topology', '', 'true'::jsonb, jsonb_build_array(jsonb_build_object('change', 'added', 'what',
            'cycle', 'value', (select string_agg(l.input_name, ' -> ' order by
                (c.place - l.place + (select count(*) from links)) % (select count(*) from links)) from links l)
            || ' -> ' || c.input_name)),
        (select bool_or(l.is_gone) from links l), c.first_at, c.run, null::uuid, null::timestamptz
    from closing c
    where c.first_at >= (select min(l.first_at) from links l) + interval '1 day';
end $$;

-- Names of the facets that statements of a job give it (place 2) and what it writes (3), the newest 1,000 of them.
create function graph.facets_named(job uuid)
returns table (statement_id uuid, place smallint, name text, last_at timestamptz)
language plpgsql stable
as $$
begin
    return query
    with statements as materialized (
        select s.* from graph.statements s where s.job_uuid = job and s.kind = 1 order by s.last_at desc limit 1000
    )
    select s.statement_id, 2::smallint, d.name, s.last_at
    from statements s join graph.descriptions d on d.description_id = s.job_description
    union
    select s.statement_id, 3::smallint, d.name, s.last_at
    from statements s join graph.io_sets i on i.io_id = s.io_id and i.direction = 1
    join graph.descriptions d on d.description_id = graph.slot_digest(s.descriptions, i.ordinal);
end $$;

-- From when on events of a job are looked at: its last 32 days, where they have more completed runs than anybody counts.
create function graph.runs_since(job uuid) returns timestamptz
language plpgsql stable
as $$
declare
    month constant timestamptz := (select max(s.written_at) from graph.statements s where s.job_uuid = job) - interval '32 days';
begin
    return case when (
        select count(*) from (
            select from graph.statements s join graph.events e using (statement_id)
            where s.job_uuid = job and s.kind = 1 and s.written_at > month and e.event_time > month
                and upper(e.event_type) = 'COMPLETE'
            limit 200) e) = 200 then month else '-infinity' end;
end $$;

-- Completed runs of a job, the newest 100; which statements they made.
create function graph.runs_said(job uuid)
returns table (run_uuid uuid, at timestamptz, statements uuid[], has_outputs boolean)
language plpgsql stable
as $$
declare
    since constant timestamptz := graph.runs_since(job);
begin
    return query
    select e.run_uuid, max(e.event_time) filter (where upper(e.event_type) = 'COMPLETE'), array_agg(distinct s.statement_id),
        bool_or(exists (select from graph.io_sets i where i.io_id = s.io_id and i.direction = 1))
    from graph.statements s join graph.events e using (statement_id)
    where s.job_uuid = job and s.kind = 1 and e.run_uuid is not null and e.event_time > since
    group by e.run_uuid
    having bool_or(upper(e.event_type) = 'COMPLETE')
    order by 2 desc limit 100;
end $$;

-- Statements that the latest completed run of a job made on its last day.
create function graph.latest_said(job uuid) returns uuid[]
language plpgsql stable
as $$
begin
    return array(
        select e.statement_id
        from (select s.written_at, s.written_by from graph.statements s
              where s.job_uuid = job and s.kind = 1 and s.written_at is not null
              order by s.written_at desc, s.written_by desc limit 1) l
        join graph.events c on c.event_id = l.written_by and c.event_time = l.written_at
        join graph.events e on e.run_uuid = c.run_uuid and e.event_time between l.written_at - interval '1 day' and l.written_at);
end $$;

-- Whether the latest run of a job names all facets that are ever named, or they were named since: then none is missing.
create function graph.names_all_facets(job uuid) returns boolean
language plpgsql stable
as $$
declare
    written_at constant timestamptz := (select max(s.written_at) from graph.statements s where s.job_uuid = job);
    latest constant uuid[] := graph.latest_said(job);
begin
    return (
        select bool_and(f.last_at >= written_at) or bool_and(f.is_latest)
        from (select max(n.last_at) as last_at, bool_or(n.statement_id = any (latest)) as is_latest
              from graph.facets_named(job) n group by n.place, n.name) f);
end $$;

create type graph.facet_habit as (place smallint, name text, runs_before bigint, runs_with bigint, runs uuid[], times timestamptz[],
    last_at timestamptz);
comment on type graph.facet_habit is 'A facet that the latest run of a job did without.';
comment on column graph.facet_habit.place is '2: of the job, 3: of what it writes.';
comment on column graph.facet_habit.name is 'Name of the facet.';
comment on column graph.facet_habit.runs_before is 'Of the three runs up to the last with it, how many there are.';
comment on column graph.facet_habit.runs_with is 'How many of those have it.';
comment on column graph.facet_habit.runs is 'Runs behind the last with it, in order.';
comment on column graph.facet_habit.times is 'When they completed.';
comment on column graph.facet_habit.last_at is 'When the last with it completed.';

create function graph.facet_habits(job uuid) returns setof graph.facet_habit
language plpgsql stable
as $$
begin
    if graph.names_all_facets(job) then
        return;
    end if;
    return query
    with named as materialized (
        select * from graph.facets_named(job)
    ), runs as materialized (
        select * from graph.runs_said(job)
    ), facets as (
        select n.place, n.name, array_agg(n.statement_id) as statements from named n group by n.place, n.name
    ), marked as materialized (
        select f.place, f.name, r.run_uuid, r.at, r.statements && f.statements as has_it,
            max(r.at) filter (where r.statements && f.statements) over (partition by f.place, f.name) as last_at
        from facets f join runs r on f.place = 2 or r.has_outputs
    ), ranked as (
        select m.*, row_number() over (partition by m.place, m.name, m.at <= m.last_at order by m.at desc, m.run_uuid) as back
        from marked m
    )
    select r.place, r.name, count(*) filter (where r.at <= r.last_at and r.back <= 3),
        count(*) filter (where r.at <= r.last_at and r.back <= 3 and r.has_it),
        array_agg(r.run_uuid order by r.at, r.run_uuid) filter (where r.at > r.last_at),
        array_agg(r.at order by r.at, r.run_uuid) filter (where r.at > r.last_at), r.last_at
    from ranked r
    where r.last_at is not null
    group by r.place, r.name, r.last_at
    having bool_or(r.at > r.last_at);
end $$;

-- A facet that each of three runs had and two in a row are without.
create function graph.lost_facets_of(job uuid, habits graph.facet_habit[]) returns setof graph.drift_change
language plpgsql stable
as $$
begin
    return query
    select job, 'facets', 'behaviour', '', to_jsonb(case h.place when 2 then 'job ' else 'output ' end || h.name), jsonb_build_array(
            jsonb_build_object('change', 'removed', 'what', case h.place when 2 then 'job facet' else 'output facet' end,
                               'value', h.name)),
        false, h.times[2], h.runs[2], null::uuid, h.last_at
    from unnest(habits) h
    where h.runs_with = 3 and cardinality(h.runs) >= 2;
end $$;

-- The last time that a run failed and another run for the same parent and time completed: a retry, of a job that had worked
-- without; over when a later one works at once.
create function graph.retry_of(job uuid) returns setof graph.drift_change
language plpgsql stable
as $$
begin
    if not exists (select from graph.drift_contents c where c.subject_uuid = job and c.aspect = 6) then
        return;
    end if;
    return query
    with failed as materialized (
        select r.* from graph.drift_contents c join graph.runs r on r.run_uuid = c.content_id
        where c.subject_uuid = job and c.aspect = 6 and r.state in (3, 4) and r.ended_at is not null
            and (r.parent_uuid is not null or r.nominal_start is not null)
        order by r.ended_at desc limit 100
    ), good as materialized (
        select r.*, exists (select from failed f where f.parent_uuid is not distinct from r.parent_uuid
                            and f.nominal_start is not distinct from r.nominal_start and f.ended_at < r.ended_at) as was_retried
        from graph.runs r
        where r.job_uuid = job and r.state = 2 and r.ended_at is not null and exists (select from failed)
    ), retried as (
        select g.*, (select min(f.ended_at) from failed f where f.parent_uuid is not distinct from g.parent_uuid
                     and f.nominal_start is not distinct from g.nominal_start) as failed_at,
            (select count(*) from failed f where f.parent_uuid is not distinct from g.parent_uuid
             and f.nominal_start is not distinct from g.nominal_start and f.ended_at < g.ended_at) as failures
        from good g where g.was_retried order by g.ended_at desc, g.run_uuid limit 1
    )
    select job, 'attempts', 'behaviour', '', 'true'::jsonb, jsonb_build_array(jsonb_build_object('change', 'changed', 'what',
            'attempts', 'from', 1, 'to', r.failures + 1)),
        exists (select from good g where not g.was_retried and g.ended_at > r.ended_at), r.ended_at, r.run_uuid, null::uuid,
        (select max(g.ended_at) from good g where not g.was_retried and g.ended_at < r.failed_at)
    from retried r
    where exists (select from good g where not g.was_retried and g.ended_at < r.failed_at);
end $$;

-- Whose events may change all this. While something is on its way to be gone, every event without it; once it is gone,
-- every event with it; and of the others earlier ones.
create function graph.watch_job(job uuid, habits graph.facet_habit[], has_cycle boolean) returns setof graph.drift_watched
language plpgsql stable
as $$
begin
    return query
    with statements as materialized (
        select s.statement_id, s.io_id, s.first_at, s.written_at from graph.statements s where s.job_uuid = job and s.kind = 1
    ), latest as (
        select max(s.written_at) as at from statements s
    ), outputs as materialized (
        select n.pattern, max(n.pattern_last) as last_at, array_agg(n.dataset_uuid) as datasets,
            bool_or(n.last_at = n.pattern_last
                    and (select count(*) from graph.runs_without(job, 1::smallint, n.dataset_uuid, n.pattern_last)) = 2) as is_gone
        from graph.named_by(job, 1::smallint) n cross join latest
        where n.pattern_last < latest.at
        group by n.pattern
    ), named as materialized (
        select * from graph.facets_named(job)
    ), wanted as (
        select s.statement_id, s.first_at, o.is_gone,
            exists (select from graph.io_sets i where i.io_id = s.io_id and i.direction = 1 and i.dataset_uuid = any (o.datasets))
                as has_it
        from statements s cross join outputs o
        where s.io_id is not null
        union all
        select s.statement_id, s.first_at, cardinality(h.runs) >= 2,
            exists (select from named n where n.statement_id = s.statement_id and n.place = h.place and n.name = h.name)
        from statements s cross join unnest(habits) h
        union all
        select s.statement_id, s.first_at, true, true from statements s where has_cycle
    ), failing as (
        select max(r.ended_at) as at
        from graph.drift_contents c join graph.runs r on r.run_uuid = c.content_id
        where c.subject_uuid = job and c.aspect = 6 and r.state in (3, 4)
    )
    select job, w.statement_id, bool_and(w.has_it <> w.is_gone), min(w.first_at) from wanted w group by w.statement_id
    union all
    select job, job, exists (select from graph.retry_of(job) c where c.is_past), f.at from failing f where f.at is not null;
end $$;

-- Datasets that a job wrote and its latest run did not, or that an alert says so of.
create function graph.outputs_of(job uuid) returns uuid[]
language plpgsql stable
as $$
declare
    latest constant timestamptz := (select max(s.written_at) from graph.statements s where s.job_uuid = job);
begin
    return array(select n.dataset_uuid from graph.named_by(job, 1::smallint) n
                 where n.last_at = n.pattern_last and (n.last_at < latest or exists (
                    select from graph.alerts a where a.subject_uuid = n.dataset_uuid and a.aspect = 10))
                 order by n.last_at desc limit 50);
end $$;

-- What is told of a job, and of datasets that it was the last to write.
create function graph.structure_of(job uuid) returns setof graph.drift_change
language plpgsql stable
as $$
begin
    return query
    select * from graph.lost_facets_of(job, array(select h from graph.facet_habits(job) h))
    union all
    select * from graph.retry_of(job)
    union all
    select * from graph.cycle_of(job) c where c.subject_uuid = job
    union all
    select c.* from unnest(graph.outputs_of(job)) o cross join lateral graph.orphan_of(o) c where c.is_now = to_jsonb(job);
end $$;

create function graph.judge_job(job uuid) returns void
language plpgsql
as $$
declare
    outputs constant uuid[] := graph.outputs_of(job);
    habits constant graph.facet_habit[] := array(select h from graph.facet_habits(job) h);
    cycle constant graph.drift_change[] := array(select c from graph.cycle_of(job) c);
    orphans constant graph.drift_change[] := array(select c from unnest(outputs) o cross join lateral graph.orphan_of(o) c);
    changes constant graph.drift_change[] := cycle || array(select c from graph.lost_facets_of(job, habits) c)
        || array(select c from graph.retry_of(job) c);
begin
    perform graph.raise_drift(changes, 9::smallint);
    perform graph.drop_alerts(array[job], 9::smallint, changes);
    perform graph.raise_drift(orphans, 10::smallint);
    perform graph.drop_alerts(outputs, 10::smallint, orphans);
    perform graph.watch(array[job], 9::smallint,
        array(select w from graph.watch_job(job, habits, cardinality(cycle) > 0) w));
end $$;

-- Those of these jobs of which nothing is to be told and nothing to be watched, as far as one look at all of them shows it: none
-- that failed, is watched or has an alert, has more than 100 statements or is part of a cycle; each facet and output was named
-- by the latest run, or since.
create function graph.jobs_at_rest(jobs uuid[]) returns uuid[]
language plpgsql stable
as $$
begin
    return array(
    with recursive plain as materialized (
        select u.job, array(select s from graph.statements s where s.job_uuid = u.job limit 101) as statements
        from unnest(jobs) u (job)
        where not exists (select from graph.drift_contents c where c.subject_uuid = u.job and c.aspect = 6)
            and not exists (select from graph.drift_watch w where w.subject_uuid = u.job and w.aspect = 9)
            and not exists (select from graph.alerts a where a.subject_uuid = u.job and a.aspect = 9)
    ), latest as materialized (
        select p.job, p.statements, l.written_at, array(
                select e.statement_id from graph.events c join graph.events e on e.run_uuid = c.run_uuid
                where c.event_id = l.written_by and c.event_time = l.written_at
                    and e.event_time between l.written_at - interval '1 day' and l.written_at) as latest
        from plain p
        cross join lateral (
            select s.written_at, s.written_by from unnest(p.statements) s
            order by s.written_at desc nulls last, s.written_by desc limit 1) l
        where cardinality(p.statements) <= 100
    ), said as materialized (
        select l.job, s.statement_id, s.job_description, s.io_id, s.descriptions, s.last_at >= l.written_at as is_since,
            s.statement_id = any (l.latest) as is_latest
        from latest l cross join unnest(l.statements) s
        where s.kind = 1 and l.written_at is not null
    ), outputs as materialized (
        select s.job, i.dataset_uuid, bool_or(s.is_since) as is_since
        from said s join graph.io_sets i on i.io_id = s.io_id and i.direction = 1
        group by s.job, i.dataset_uuid
    ), names as (
        select n.job, n.place, d.name, bool_or(n.is_since) as is_since, bool_or(n.is_latest) as is_latest
        from (
            select s.job, 2 as place, s.job_description as id, s.is_since, s.is_latest from said s
            union
            select s.job, 3, graph.slot_digest(s.descriptions, i.ordinal), s.is_since, s.is_latest
            from said s join graph.io_sets i on i.io_id = s.io_id and i.direction = 1
        ) n
        join graph.descriptions d on d.description_id = n.id
        group by n.job, n.place, d.name
    ), behind (job, dataset_uuid) as (
        select l.job, e.dataset_uuid from latest l join graph.edges e on e.job_uuid = l.job and e.direction = 1
        where not exists (select from graph.edges r where r.job_uuid = l.job and r.direction = 0 and r.dataset_uuid = e.dataset_uuid)
        union
        select b.job, o.dataset_uuid
        from behind b
        join graph.edges i on i.dataset_uuid = b.dataset_uuid and i.direction = 0 and i.job_uuid <> b.job
        join graph.edges o on o.job_uuid = i.job_uuid and o.direction = 1
    ), reached as materialized (
        select * from behind limit 5001
    ), busy as (
        select n.job from names n group by n.job having not (bool_and(n.is_since) or bool_and(n.is_latest))
        union all
        select o.job from outputs o
        where not o.is_since or exists (select from graph.alerts a where a.subject_uuid = o.dataset_uuid and a.aspect = 10 offset 0)
        union all
        select r.job from reached r join graph.edges e on e.job_uuid = r.job and e.direction = 0 and e.dataset_uuid = r.dataset_uuid
    )
    select l.job from latest l
    where (select count(*) from reached) <= 5000 and l.job not in (select b.job from busy b));
end $$;

-- Judges jobs that are due for about as long as budget. True: something may be left. What a judgement cannot be made of is
-- noted.
create function graph.judge_jobs(budget interval) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
set join_collapse_limit = 1 set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_material = off set jit = off
as $$
declare
    until constant timestamptz := clock_timestamp() + budget;
    due uuid[];
    at_rest uuid[];
    job uuid;
begin
    loop
        due := array(select s.subject_uuid from graph.drift_subjects s where s.due_in is not null and s.aspect = 9
                     order by s.due_in, s.subject_uuid limit 16 for update skip locked);
        exit when cardinality(due) = 0;
        at_rest := graph.jobs_at_rest(due);
        update graph.drift_subjects s set due_in = null, failure = null
        where s.subject_uuid = any (at_rest) and s.aspect = 9;
        foreach job in array due loop
            continue when job = any (at_rest);
            update graph.drift_subjects s set due_in = null, failure = null where s.subject_uuid = job and s.aspect = 9;
            begin
                perform graph.judge_job(job);
            exception when others then
                if graph.may_go_better(sqlstate) then
                    raise;
                end if;
                update graph.drift_subjects s set failure = left(sqlerrm, 500) where s.subject_uuid = job and s.aspect = 9;
            end;
            if clock_timestamp() > until then
                return true;
            end if;
        end loop;
        if clock_timestamp() > until then
            return true;
        end if;
    end loop;
    return false;
end $$;
revoke execute on function graph.judge_jobs(interval) from public;
insert into graph.role_rights values ('metaops_writer', 'function graph.judge_jobs(interval)', 'execute');
comment on column graph.drift_subjects.aspect is 'As in graph.drift_contents; 9: what shows only in several runs of a job.';
comment on column graph.alerts.aspect is
    'In which respect it drifted (graph.drift_subjects; 10: nobody writes a dataset any more); null: judged by something else.';

-- What explains what along the lineage graph ---------------------------------------------------------------------

create table graph.symptoms (
    cause text not null,
    symptom text not null,
    is_elsewhere boolean not null,
    primary key (cause, symptom)
);
comment on table graph.symptoms is 'Which kinds of alerts explain which: one cause is told once, with its symptoms attached.';
comment on column graph.symptoms.cause is 'Kind of the alert that explains.';
comment on column graph.symptoms.symptom is 'Kind of the alert that is explained.';
comment on column graph.symptoms.is_elsewhere is 'True: of something downstream; false: of the same subject and run.';
insert into graph.symptoms values
    ('schema', 'schema', true), ('schema', 'quality', true), ('schema', 'volume', true), ('schema', 'behaviour', true),
    ('schema', 'contract', true),
    ('freshness', 'freshness', true), ('freshness', 'volume', true), ('freshness', 'behaviour', true), ('freshness', 'contract', true),
    ('volume', 'volume', true), ('volume', 'quality', true),
    ('quality', 'quality', true), ('quality', 'contract', true),
    ('behaviour', 'freshness', true), ('behaviour', 'volume', true), ('behaviour', 'quality', true), ('behaviour', 'behaviour', true),
    ('behaviour', 'contract', true),
    ('topology', 'freshness', true),
    ('contract', 'contract', true), ('contract', 'schema', false), ('contract', 'stewardship', false);
create index alerts_cause on graph.alerts (cause) where cause is not null;

-- What subjects are made of, five jobs far: along lineage of the columns (null: of the whole) where that is known, else of the
-- datasets, where a column keeps its name. Jobs on the way end it. Each walk has its number. (offset 0: looked up, not hashed.)
create function graph.upstream_of(walks integer[], subjects uuid[], fields text[])
returns table (walk integer, depth integer, subject_uuid uuid, field text)
language plpgsql stable set enable_hashjoin = off set enable_nestloop = on
as $$
begin
    return query
    with recursive up (walk, depth, subject_uuid, field, is_end) as (
        select s.walk, 0, s.subject, s.field, false from unnest(walks, subjects, fields) s (walk, subject, field)
        union
        select u.walk, n.* from up u
        cross join lateral (
            select u.depth + 1, c.input_uuid, c.input_field, false
            from graph.column_edges c where c.output_uuid = u.subject_uuid and c.output_field = u.field
            union all
            select u.depth + 1, i.dataset_uuid, u.field, false
            from graph.edges o join graph.edges i on i.job_uuid = o.job_uuid and i.direction = 0
            where o.dataset_uuid = u.subject_uuid and o.direction = 1
                and not exists (select from graph.column_edges c
                                where c.output_uuid = u.subject_uuid and c.output_field = u.field offset 0)
            union all
            select u.depth + 1, o.job_uuid, u.field, true
            from graph.edges o where o.dataset_uuid = u.subject_uuid and o.direction = 1
            union all
            select u.depth + 1, i.dataset_uuid, u.field, false
            from graph.edges i where u.depth = 0 and i.job_uuid = u.subject_uuid and i.direction = 0
        ) n
        where u.depth < 5 and not u.is_end
    )
    select u.walk, min(u.depth), u.subject_uuid, u.field from up u group by u.walk, u.subject_uuid, u.field;
end $$;

create function graph.changed_fields(kind text, detail jsonb) returns text[]
language sql immutable parallel safe
return case when kind = 'schema' then array(
    select c ->> 'field' from jsonb_array_elements(detail -> 'changes') c where c ->> 'field' is not null) end;

-- Which open alerts explain these, and how near they are: those of the same subject and run (0), and of the last day, of what is
-- upstream. Of behaviour only failures are causes and symptoms there.
create function graph.upstream_causes(alerts graph.alerts[])
returns table (alert_id uuid, cause uuid, depth integer, event_time timestamptz)
language plpgsql stable set enable_hashjoin = on set enable_nestloop = off
as $$
begin
    return query
    with symptoms as materialized (
        select a.*, (row_number() over ())::integer as walk, k.causes
        from unnest(alerts) a
        cross join lateral (select array_agg(s.cause) as causes from graph.symptoms s
                            where s.symptom = a.kind and s.is_elsewhere offset 0) k
        where (a.kind <> 'behaviour' or a.detail ->> 'fact' = 'runs') and exists (
            select from graph.alerts o
            where o.kind = any (k.causes) and o.event_time between a.event_time - interval '1 day' and a.event_time
                and o.alert_id <> a.alert_id and o.status in ('open', 'acknowledged'))
    ), starts as materialized (
        select s.walk, s.subject_uuid, f.field
        from symptoms s
        cross join lateral unnest(coalesce(nullif(graph.changed_fields(s.kind, s.detail), '{}'), array[null])) f (field)
    ), up as materialized (
        select * from graph.upstream_of(array(select s.walk from starts s), array(select s.subject_uuid from starts s),
                                        array(select s.field from starts s)) u
        where u.depth > 0
    )
    select s.alert_id, o.alert_id, u.depth, o.event_time
    from up u
    join symptoms s on s.walk = u.walk
    -- By subject: there may be many of a kind within a day.
    cross join lateral (select * from graph.alerts x where x.subject_uuid = u.subject_uuid offset 0) o
    where o.kind = any (s.causes) and o.status in ('open', 'acknowledged') and o.alert_id <> s.alert_id
        and o.event_time between s.event_time - interval '1 day' and s.event_time
        and (o.kind <> 'behaviour' or o.detail ->> 'fact' = 'runs')
        and (u.field is null or o.kind <> 'schema' or exists (
            select from jsonb_array_elements(o.detail -> 'changes') c where c ->> 'field' = u.field))
    union all
    select a.alert_id, o.alert_id, 0, 'infinity'
    from unnest(alerts) a
    cross join lateral (select * from graph.alerts x where x.subject_uuid = a.subject_uuid offset 0) o
    where o.run_uuid = a.run_uuid and o.status in ('open', 'acknowledged') and o.alert_id <> a.alert_id
        and exists (select from graph.symptoms s where s.cause = o.kind and s.symptom = a.kind and not s.is_elsewhere);
end $$;

-- The nearest alert that explains this one; or what explains that.
create function graph.upstream_cause(alert uuid, kind text, subject uuid, detail jsonb, event_time timestamptz, run uuid)
returns uuid
language plpgsql stable
as $$
declare
    a graph.alerts;
begin
    a.alert_id := alert;
    a.kind := kind;
    a.subject_uuid := subject;
    a.detail := detail;
    a.event_time := event_time;
    a.run_uuid := run;
    return (select coalesce(o.cause, o.alert_id)
            from graph.upstream_causes(array[a]) c join graph.alerts o on o.alert_id = c.cause
            where o.cause is distinct from alert
            order by c.depth, c.event_time desc, c.cause limit 1);
end $$;

-- A message waits while something that became due before it or with it is left to be judged, as that may explain it; a minute at most.
create function graph.waiting_messages() returns bigint[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
    oldest_due constant xid8 := (select s.due_in from graph.drift_subjects s where s.due_in is not null and s.aspect in (1, 6)
                                 order by s.due_in limit 1);
    kinds constant text[] := array(select distinct s.symptom from graph.symptoms s);
begin
    if oldest_due is null then
        return '{}';
    end if;
    return array(
        select o.outbox_id
        from graph.alert_outbox o
        where o.written_in >= oldest_due and not o.is_routed and o.what in ('opened', 'reopened')
            and o.at > now() - interval '1 minute' and o.alert ->> 'kind' = any (kinds));
end $$;

-- Causes may be judged after their symptoms: so before a message goes out it is asked again, and one that somebody else
-- explains is none. Looks at so many of those that do not wait, the oldest first; returns the last that was looked at when there may be more.
create function graph.attach_symptoms(most integer) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
set join_collapse_limit = 1 set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_material = off
as $$
declare
    waiting constant bigint[] := graph.waiting_messages();
    messages bigint[];
    ids uuid[];
    alerts graph.alerts[];
    symptom record;
    explained_by uuid;
begin
    select array_agg(m.outbox_id), array_agg((m.a).alert_id), array_agg(m.a) into messages, ids, alerts
    from (
        select o.outbox_id, a
        from graph.alert_outbox o join graph.alerts a using (alert_id)
        where not o.is_routed and o.what in ('opened', 'reopened') and a.cause is null
            and a.kind in (select s.symptom from graph.symptoms s) and o.outbox_id <> all (waiting)
        order by o.outbox_id limit most for update of o skip locked) m;
    for symptom in
        select c.alert_id, array_agg(c.cause order by c.depth, c.event_time desc, c.cause) as causes,
            (select array_agg(m.outbox_id) from unnest(messages, ids) m (outbox_id, alert_id) where m.alert_id = c.alert_id) as messages
        from graph.upstream_causes(alerts) c
        group by c.alert_id order by 3
    loop
        -- Asked now: what was looked at before may have changed it.
        select coalesce(a.cause, a.alert_id) into explained_by
        from unnest(symptom.causes) with ordinality c (alert_id, place) join graph.alerts a using (alert_id)
        where a.cause is distinct from symptom.alert_id
        order by c.place limit 1;
        continue when explained_by is null;
        update graph.alerts a set cause = explained_by where a.alert_id = symptom.alert_id;
        update graph.alerts a set cause = explained_by where a.cause = symptom.alert_id;
        delete from graph.alert_outbox o where o.outbox_id = any (symptom.messages);
    end loop;
    return case when cardinality(messages) = most then messages[most] end;
end $$;

revoke execute on function graph.attach_symptoms(integer), graph.waiting_messages() from public;
insert into graph.role_rights values ('metaops_writer', 'function graph.attach_symptoms(integer)', 'execute'),
    ('metaops_writer', 'function graph.waiting_messages()', 'execute');

create or replace view metaops.alerts as
select a.alert_id, a.kind, a.severity, a.status,
    coalesce(d.namespace, j.namespace) as namespace, coalesce(d.name, j.name) as name, a.field, a.title, a.detail,
    a.opened_at, a.last_seen_at, a.event_time, graph.run_name(r.run_id, a.run_uuid) as run_id, a.occurrences,
    a.downstream,
    case a.subject_kind when 2 then 'job' when 3 then 'dataset' end as subject_kind, a.cause,
    (select count(*) from graph.alerts s where s.cause = a.alert_id) as symptoms
from graph.alerts a
left join graph.datasets d on a.subject_kind = 3 and d.dataset_uuid = a.subject_uuid
left join graph.jobs j on a.subject_kind = 2 and j.job_uuid = a.subject_uuid
left join graph.runs r on r.run_uuid = a.run_uuid;
comment on column metaops.alerts.symptoms is 'How many alerts it explains: those whose cause it is.';
