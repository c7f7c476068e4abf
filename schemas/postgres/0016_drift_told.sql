-- Drift as it is told: who is hit, who did it, how bad it is; and the judges that workers and alerter call.

-- What was said of subjects last, by each producer family, in facets of a name.
create function graph.latest_facets(subjects uuid[], facet text)
returns table (subject_uuid uuid, last_at timestamptz, content jsonb)
language plpgsql stable
as $$
begin
    if cardinality(subjects) = 0 then
        return;
    end if;
    return query
    select l.id, l.last_at, c.content
    from (
        select distinct on (s.id, d.family) s.id, d.digest, s.last_at
        from (
            select i.id, n.description_id, max(n.last_at) as last_at
            from (select distinct u as id from unnest(subjects) u) i
            cross join lateral (
                select s.last_at, graph.slot_digest(s.descriptions, o.ordinal) as description_id
                from graph.io_sets o join graph.statements s using (io_id)
                where o.dataset_uuid = i.id
                union all
                select s.last_at, s.job_description from graph.statements s where s.job_uuid = i.id
                order by 1 desc limit 100
            ) n
            group by 1, 2
        ) s
        join graph.descriptions d using (description_id)
        where d.name = facet
        order by s.id, d.family, s.last_at desc, d.digest desc
    ) l
    join graph.facets c using (digest)
    where not c.deleted;
end $$;

-- Where all ever said the same, that is it; else what was said last.
create function graph.owners_of(subjects uuid[]) returns table (subject_uuid uuid, owners jsonb)
language plpgsql stable
as $$
begin
    return query
    with said as materialized (
        select u.id, array(select c.content_id from graph.drift_contents c
                           where c.subject_uuid = u.id and c.aspect = 8 limit 2) as facets
        from (select distinct x as id from unnest(subjects) x) u
    ), facets as (
        select s.id, f.content
        from said s join graph.facets f on f.digest = s.facets[1]
        where cardinality(s.facets) = 1 and not f.deleted
        union all
        select l.subject_uuid, l.content
        from graph.latest_facets(array(select s.id from said s where cardinality(s.facets) > 1), 'ownership') l
    )
    select f.id, jsonb_agg(distinct o ->> 'name')
    from facets f
    cross join lateral jsonb_path_query(f.content, 'lax $.owners[*]') o
    where o ->> 'name' is not null
    group by f.id;
end $$;

create type graph.reached as (depth integer, job_uuid uuid, dataset_uuid uuid);
comment on type graph.reached is 'A dataset, and the job through which a walk came to it.';
comment on column graph.reached.depth is 'Steps from where the walk began.';
comment on column graph.reached.job_uuid is 'The job; null: none, the start or another name of it.';
comment on column graph.reached.dataset_uuid is 'The dataset; null: the job writes none.';

-- What is made of fields of datasets, where lineage of columns is known, else of all of them (field null); or by jobs. With the
-- jobs between; rows without one are other names. Each walk has its number.
create function graph.drift_reach(walks integer[], subjects uuid[], fields text[])
returns table (walk integer, depth integer, job_uuid uuid, dataset_uuid uuid, field text)
language plpgsql stable
as $$
begin
    return query
    with recursive starts as materialized (
        select s.*, s.field is not null and exists (select from graph.column_edges e where e.input_uuid = s.subject offset 0) as is_by_column
        from unnest(walks, subjects, fields) s (walk, subject, field)
    ), by_column (walk, depth, job_uuid, dataset_uuid, field) as (
        select s.walk, 0, null::uuid, s.subject, s.field from starts s where s.is_by_column
        union
        select r.walk, n.* from by_column r
        cross join lateral (
            select r.depth + 1, e.job_uuid, e.output_uuid, e.output_field
            from graph.column_edges e
            where r.depth < 5 and e.input_uuid = r.dataset_uuid and (r.field is null or e.input_field = r.field)
            union all
            select r.depth, null, s.other_uuid, r.field from graph.symlinks s where s.dataset_uuid = r.dataset_uuid
            union all
            select r.depth, null, s.dataset_uuid, r.field from graph.symlinks s where s.other_uuid = r.dataset_uuid
        ) n
    ), whole (walk, depth, job_uuid, dataset_uuid, field) as (
        select s.walk, 0, null::uuid, s.subject, null::text from starts s where not s.is_by_column
        union
        select r.walk, n.* from whole r
        cross join lateral (
            select r.depth + 1, i.job_uuid, o.dataset_uuid, null::text
            from graph.edges i left join graph.edges o on o.job_uuid = i.job_uuid and o.direction = 1
            where r.depth < 3 and i.dataset_uuid = r.dataset_uuid and i.direction = 0
            union all
            select 1, o.job_uuid, o.dataset_uuid, null
            from graph.edges o where r.depth = 0 and o.job_uuid = r.dataset_uuid and o.direction = 1
            union all
            select r.depth, null, s.other_uuid, null from graph.symlinks s where s.dataset_uuid = r.dataset_uuid
            union all
            select r.depth, null, s.dataset_uuid, null from graph.symlinks s where s.other_uuid = r.dataset_uuid
        ) n
    )
    select * from by_column
    union all
    select * from whole;
end $$;

-- The nearest that is hit, 50 at most a walk, with its owners. (What models and what serves them are made of: graph.models_hit.)
create function graph.drift_hits(walks integer[], subjects uuid[], fields text[]) returns table (walk integer, nodes jsonb)
language plpgsql stable
as $$
begin
    return query
    with reach as materialized (
        select * from graph.drift_reach(walks, subjects, fields)
    ), starts as materialized (
        select distinct s.* from unnest(walks, subjects) s (walk, subject)
    ), hit as (
        select r.walk, min(r.depth) as depth, 'dataset' as kind, r.dataset_uuid as id, d.namespace, d.name, r.field
        from (select r.walk, r.dataset_uuid, r.field, min(r.depth) as depth from reach r where r.job_uuid is not null
              group by r.walk, r.dataset_uuid, r.field) r
        join graph.datasets d using (dataset_uuid)
        group by r.walk, r.dataset_uuid, d.namespace, d.name, r.field
        union all
        select r.walk, r.depth, 'job', j.job_uuid, j.namespace, j.name, null
        from (select r.walk, r.job_uuid, min(r.depth) as depth from reach r group by r.walk, r.job_uuid) r
        join graph.jobs j using (job_uuid)
        union all
        select s.walk, m.depth, m.kind, m.id, m.namespace, m.name, null
        from starts s
        cross join lateral graph.models_hit(array(select (r.depth, r.job_uuid, r.dataset_uuid)::graph.reached
                                                  from reach r where r.walk = s.walk)) m
        where exists (select from graph.model_versions v where v.run_uuid is not null)
    ), nearest as materialized (
        select * from (
            select h.*, row_number() over (partition by h.walk order by h.depth, h.kind, h.namespace, h.name, h.field) as place
            from hit h
            where not exists (select from starts s where s.walk = h.walk and s.subject = h.id and h.kind in ('dataset', 'job'))) h
        where h.place <= 50
    )
    select n.walk, jsonb_agg(jsonb_strip_nulls(jsonb_build_object('kind', n.kind, 'namespace', n.namespace,
        'name', n.name, 'field', n.field, 'depth', n.depth, 'owners', case when n.kind in ('model', 'deployment')
            then to_jsonb(string_to_array(graph.owner_of_kind(n.kind, n.id), ', ')) else o.owners -> n.id::text end))
        order by n.place)
    from nearest n
    cross join (select jsonb_object_agg(x.subject_uuid, x.owners) as owners from graph.owners_of(array(select id from nearest)) x) o
    group by n.walk;
end $$;

-- The same of one subject, by all of these fields; none: by all of it.
create function graph.drift_downstream(subject uuid, fields text[]) returns jsonb
language plpgsql stable
as $$
declare
    starts constant text[] := case when cardinality(fields) > 0 then fields else array[null] end;
begin
    return coalesce((select h.nodes from graph.drift_hits(array_fill(1, array[cardinality(starts)]),
                         array_fill(subject, array[cardinality(starts)]), starts) h), '[]');
end $$;

-- The commit that runs ran, by their events about a time; runs that go on for ever have many.
create function graph.commits_of(runs uuid[], times timestamptz[]) returns table (run_uuid uuid, version text)
language plpgsql stable
as $$
begin
    return query
    select distinct on (r.run) r.run, f.content ->> 'version'
    from unnest(runs, times) r (run, at)
    cross join lateral (
        select e.statement_id from graph.events e
        where e.run_uuid = r.run and e.event_time between r.at - interval '1 day' and r.at + interval '1 day' limit 50
    ) e
    join graph.statements s on s.statement_id = e.statement_id
    join graph.descriptions d on d.description_id = s.job_description and d.name = 'sourceCodeLocation'
    join graph.facets f on f.digest = d.digest
    where not f.deleted
    order by r.run, s.last_at desc, d.digest;
end $$;

-- Who did it, in events at a time: the runs, their jobs, the commits of their code. Where an event tells none, the job's last.
create function graph.drift_actors(runs uuid[], times timestamptz[]) returns table (run_uuid uuid, actor jsonb)
language plpgsql stable
as $$
begin
    return query
    with known as materialized (
        select r.run_uuid, r.run_id, r.job_uuid, j.namespace, j.name
        from (select distinct u from unnest(runs) u) u join graph.runs r on r.run_uuid = u.u
        left join graph.jobs j using (job_uuid)
    ), owners as materialized (
        select * from graph.owners_of(array(select k.job_uuid from known k where k.job_uuid is not null))
    ), own as materialized (
        select * from graph.commits_of(runs, times)
    ), last as materialized (
        select distinct on (l.subject_uuid) l.subject_uuid, l.content ->> 'version' as version
        from graph.latest_facets(array(select k.job_uuid from known k where k.job_uuid is not null
                                       and k.run_uuid not in (select c.run_uuid from own c)), 'sourceCodeLocation') l
        order by l.subject_uuid, l.last_at desc
    )
    select k.run_uuid, jsonb_strip_nulls(jsonb_build_object('first_bad_run', graph.run_name(k.run_id, k.run_uuid),
        'job_namespace', k.namespace, 'job', k.name, 'commit', coalesce(c.version, l.version), 'job_owners', o.owners))
    from known k
    left join owners o on o.subject_uuid = k.job_uuid
    left join own c on c.run_uuid = k.run_uuid
    left join last l on l.subject_uuid = k.job_uuid;
end $$;

create function graph.principal_of(run uuid, at timestamptz) returns text
language plpgsql stable
as $$
begin
    return (select e.principal from graph.events e
            where e.run_uuid = run and e.event_time = at and e.principal is not null limit 1);
end $$;

create function graph.drift_phrase(change jsonb) returns text
language plpgsql immutable parallel safe
as $$
declare
    what constant text := change ->> 'what';
    field constant text := change ->> 'field';
begin
    return case change ->> 'change'
        when 'removed' then coalesce(what || ' ' || (change ->> 'value') || ' removed', 'lost column ' || field)
        when 'added' then coalesce(what || ' ' || (change ->> 'value') || ' added', 'new column ' || field)
        when 'retyped' then format('column %s is %s, was %s', field, change ->> 'to', change ->> 'from')
        when 'reordered' then 'columns in another order'
        when 'differs' then format('producers differ on column %s: %s and %s', field, change ->> 'from', change ->> 'to')
        else case when what = 'outcome' then 'fails' else what || ' changed' end end;
end $$;

create function graph.drift_title(changes jsonb) returns text
language plpgsql immutable parallel safe
as $$
begin
    return (select string_agg(graph.drift_phrase(c), ', ' order by n)
        from jsonb_array_elements(changes) with ordinality x (c, n) where n <= 3)
    || case when jsonb_array_length(changes) > 3 then format(' and %s more', jsonb_array_length(changes) - 3) else '' end;
end $$;

-- How bad: what breaks readers is critical where somebody reads it.
create function graph.drift_severity(kind text, changes jsonb, downstream jsonb) returns text
language plpgsql immutable parallel safe
as $$
begin
    return case
    when kind = 'schema' and changes @? '$[*] ? (@.change == "removed" || @.change == "retyped")' then
        case when downstream <> '[]' then 'critical' else 'warning' end
    when kind = 'stewardship' and changes @? '$[*] ? (@.to == "dropped")' then
        case when downstream <> '[]' then 'critical' else 'warning' end
    when kind = 'stewardship' and changes
        @? '$[*] ? (@.change == "removed" && (@.what == "owner" || @.value like_regex "pii|sensitiv|confidential|secret|gdpr|phi" flag "i"))'
        then 'warning'
    when kind = 'consistency' then 'warning'
    when kind = 'topology' and changes @? '$[*] ? (@.change == "removed" || @.what == "writer" || @.what == "cycle")' then 'warning'
    when kind = 'behaviour' and changes @? '$[*] ? (@.change == "removed")' then 'warning'
    when kind = 'behaviour' and changes @? '$[*] ? (@.what == "outcome")' then
        case when downstream <> '[]' then 'critical' else 'warning' end
    else 'info' end;
end $$;

-- What explains what, when one run shows both: the lesser the greater.
create function graph.drift_rank(kind text) returns integer
language sql immutable parallel safe
return array_position(array['schema', 'consistency', 'topology', 'stewardship', 'behaviour', 'code', 'environment'], kind);

-- An open alert that explains one of a run: of that run and a kind that explains its kind.
create function graph.run_cause(alert uuid, run uuid, kind text) returns uuid
language plpgsql stable
as $$
begin
    return (select a.alert_id from graph.alerts a
            where a.run_uuid = run and graph.drift_rank(a.kind) < graph.drift_rank(run_cause.kind)
                and a.status in ('open', 'acknowledged') and a.alert_id <> alert and a.cause is null
            order by graph.drift_rank(a.kind), a.alert_id
            limit 1);
end $$;

-- The same; or, as engines and emitters change under many jobs at once, the same change of another job of the namespace within a
-- day.
create function graph.drift_cause(alert uuid, c graph.drift_change, namespace text) returns uuid
language plpgsql stable
as $$
declare
    cause constant uuid := graph.run_cause(alert, (c).run, (c).kind);
begin
    if cause is not null or (c).fact not in ('engine', 'emitter') then
        return cause;
    end if;
    return (
        select o.alert_id from graph.alerts o join graph.jobs j on j.job_uuid = o.subject_uuid
        where o.kind = (c).kind and o.detail -> 'changes' = (c).changes
            and o.event_time between (c).at - interval '1 day' and (c).at and j.namespace = drift_cause.namespace
            and o.status in ('open', 'acknowledged') and o.alert_id <> alert and o.cause is null
        order by o.alert_id
        limit 1);
end $$;

create function graph.drift_query(kind text, namespace text, name text, is_dataset boolean) returns text
language sql stable parallel safe
return case
    when kind in ('schema', 'consistency') then format(
        'select * from metaops.dataset_versions where namespace = %L and name = %L order by first_seen', namespace, name)
    when kind = 'topology' and is_dataset then format(
        'select * from metaops.edges where dataset_namespace = %L and dataset_name = %L order by first_seen', namespace, name)
    when kind = 'topology' then format(
        'select * from metaops.edges where job_namespace = %L and job_name = %L order by first_seen', namespace, name)
    when kind = 'behaviour' then format(
        'select * from metaops.runs where job_namespace = %L and job_name = %L order by started_at', namespace, name)
    else format('select * from metaops.facets where namespace = %L and name = %L order by event_time', namespace, name) end;
create index alerts_run on graph.alerts (run_uuid);
create index alerts_kind on graph.alerts (kind, event_time);

create function graph.drift_alert_id(c graph.drift_change) returns uuid
language sql stable parallel safe
return md5(concat_ws('|', c.kind, c.subject_uuid, c.fact, c.family, c.is_now))::uuid;

create type graph.drift_alert as (
    alert_id uuid, is_new boolean, change graph.drift_change, namespace text, name text, downstream jsonb, detail jsonb
);
comment on type graph.drift_alert is 'A change as it is told.';
comment on column graph.drift_alert.alert_id is 'The alert.';
comment on column graph.drift_alert.is_new is 'There is no such alert yet.';
comment on column graph.drift_alert.change is 'The change.';
comment on column graph.drift_alert.namespace is 'Namespace of the subject.';
comment on column graph.drift_alert.name is 'Its name.';
comment on column graph.drift_alert.downstream is 'Who is hit.';
comment on column graph.drift_alert.detail is 'What changed, who did it, whom it concerns.';

-- Changes that no alert tells of yet as they are, causes before what they explain; only what they are is known of them.
create function graph.changes_to_tell(changes graph.drift_change[]) returns setof graph.drift_alert
language plpgsql stable
as $$
begin
    return query
    select n.alert, a.alert_id is null, n.c, null::text, null::text, null::jsonb, null::jsonb
    from (select c, graph.drift_alert_id(c) as alert from unnest(changes) c offset 0) n
    left join graph.alerts a on a.alert_id = n.alert
    where a.alert_id is null or a.run_uuid is distinct from (n.c).run or a.event_time <> (n.c).at
        or a.detail -> 'changes' <> (n.c).changes
        or case when (n.c).is_past then a.status in ('open', 'acknowledged') else a.status = 'resolved' end
    order by graph.drift_rank((n.c).kind), (n.c).at, n.alert;
end $$;

-- What alerts tell of changes: who is hit, who did it, whom it concerns. (The run, its job and the SQL: metaops.alerts.)
create function graph.drift_alerts(alerts graph.drift_alert[], aspect smallint) returns setof graph.drift_alert
language plpgsql stable
as $$
declare
    is_dataset constant boolean := aspect in (1, 4, 5, 10);
begin
    return query
    with fresh as materialized (
        select f.alert_id, f.is_new, (f.change).*, f.change as c, coalesce(d.namespace, j.namespace) as namespace,
            coalesce(d.name, j.name) as name, row_number() over ()::integer as walk,
            (select array_agg(x ->> 'field') from jsonb_array_elements((f.change).changes) x
             where (f.change).kind = 'schema' and x ->> 'change' in ('removed', 'retyped')) as lost
        from unnest(alerts) f
        left join graph.datasets d on is_dataset and d.dataset_uuid = (f.change).subject_uuid
        left join graph.jobs j on not is_dataset and j.job_uuid = (f.change).subject_uuid
    ), starts as materialized (
        select f.walk, f.subject_uuid, l.field
        from fresh f cross join unnest(case when f.lost is null then array[null] else f.lost end) l (field)
        where not f.is_past and (f.lost is not null or f.changes @? '$[*] ? (@.to == "dropped" || @.what == "outcome")')
    ), hits as materialized (
        select * from graph.drift_hits(array(select s.walk from starts s), array(select s.subject_uuid from starts s),
                                       array(select s.field from starts s))
        where exists (select from starts)
    ), hit as materialized (
        select f.*, coalesce(h.nodes, '[]') as downstream from fresh f left join hits h using (walk)
    ), owners as materialized (
        select * from graph.owners_of(array(select f.subject_uuid from fresh f))
    ), actors as materialized (
        select * from graph.drift_actors(array(select f.run from fresh f), array(select f.at from fresh f))
    )
    select h.alert_id, h.is_new, h.c, h.namespace, h.name, h.downstream, jsonb_strip_nulls(jsonb_build_object(
        'fact', h.fact,
        'producer', case when h.family not in ('', 'vanished') then h.family end,
        'changes', h.changes,
        'compatibility', case when h.kind = 'schema' then case when h.lost is not null and h.downstream = '[]'
            then 'unused-breaking' else graph.schema_compatibility(h.changes) end end,
        'last_good_run', (select graph.run_name(r.run_id, r.run_uuid)
                          from graph.events e join graph.runs r using (run_uuid)
                          where e.event_id = h.last_good_by and e.event_time = h.last_good_at limit 1),
        'last_good_at', h.last_good_at,
        'principal', graph.principal_of(h.run, h.at),
        'owners', o.owners)) || coalesce(a.actor - '{first_bad_run,job_namespace,job}'::text[], '{}')
    from hit h
    left join owners o on o.subject_uuid = h.subject_uuid
    left join actors a on a.run_uuid = h.run;
end $$;

create function graph.drift_title(a graph.drift_alert) returns text
language sql stable
return format('%s: %s', a.name, graph.drift_title((a.change).changes));

-- The column, when it is about one.
create function graph.drift_field(changes jsonb) returns text
language sql immutable parallel safe
return case when jsonb_array_length(changes) = 1 then changes -> 0 ->> 'field' end;

-- Alerts as they are to be told, up to a hundred: at once, of each rank, what is new, news or over and explained by its run alone;
-- all else one by one.
create function graph.raise_drift_alerts(alerts graph.drift_alert[], aspect smallint) returns void
language plpgsql
as $$
declare
    subject_kind constant smallint := case when aspect in (1, 4, 5, 10) then 3 else 2 end;
    wave record;
    a graph.drift_alert;
    c graph.drift_change;
begin
    for wave in
        select graph.drift_rank(d.kind) as rank, array_agg(d.a order by d.at, d.alert_id) filter (where d.is_simple) as simple,
            array_agg(d.a order by d.at, d.alert_id) filter (where not d.is_simple) as others
        from (
            select d as a, d.alert_id, (d.change).kind, (d.change).at, d.is_new and (d.change).fact not in ('engine', 'emitter')
                and ((d.change).is_past or graph.is_news((d.change).at)) as is_simple
            from graph.drift_alerts(alerts, aspect) d) d
        group by 1 order by 1
    loop
        perform graph.open_alerts(array(
            select row(s.alert_id, (s.change).kind, graph.drift_severity((s.change).kind, (s.change).changes, s.downstream),
                case when (s.change).is_past then 'resolved' else 'open' end, subject_kind, (s.change).subject_uuid,
                graph.drift_field((s.change).changes), graph.drift_title(s), s.detail, s.downstream, now(), now(), (s.change).at,
                (s.change).run, 1, case when wave.rank > 1 then graph.run_cause(s.alert_id, (s.change).run, (s.change).kind) end,
                raise_drift_alerts.aspect)::graph.alerts
            from unnest(wave.simple) s))
        where wave.simple is not null;
        foreach a in array coalesce(wave.others, '{}') loop
            c := a.change;
            perform graph.raise_alert(a.alert_id, c.kind, graph.drift_severity(c.kind, c.changes, a.downstream), subject_kind,
                c.subject_uuid, graph.drift_field(c.changes), graph.drift_title(a), a.detail, a.downstream, c.at, c.run, c.is_past,
                graph.drift_cause(a.alert_id, c, a.namespace), raise_drift_alerts.aspect);
        end loop;
    end loop;
end $$;

-- Changes as alerts: causes before what they explain.
create function graph.raise_drift(changes graph.drift_change[], aspect smallint) returns void
language plpgsql
as $$
declare
    alerts constant graph.drift_alert[] := case when cardinality(changes) > 0 then array(select a from graph.changes_to_tell(changes) a)
        else '{}' end;
begin
    for n in 0 .. (cardinality(alerts) - 1) / 100 loop
        exit when cardinality(alerts) = 0;
        perform graph.raise_drift_alerts(alerts[100 * n + 1 : 100 * n + 100], aspect);
    end loop;
end $$;

-- What was an alert of these subjects and is none by what is known now is history, or was never told and goes.
create function graph.drop_alerts(subjects uuid[], aspect smallint, changes graph.drift_change[]) returns void
language plpgsql
as $$
declare
    gone record;
begin
    for gone in select a.alert_id, graph.is_news(a.event_time, a.opened_at) as was_told
        from graph.alerts a
        where a.subject_uuid = any (subjects) and a.aspect = drop_alerts.aspect
            and a.status in ('open', 'acknowledged', 'resolved')
            and a.alert_id not in (select graph.drift_alert_id(c) from unnest(changes) c) loop
        if gone.was_told then
            update graph.alerts a set status = 'resolved' where a.alert_id = gone.alert_id and a.status <> 'resolved';
            if found then
                perform graph.tell_alert(gone.alert_id, 'resolved');
            end if;
        else
            delete from graph.alert_events e where e.alert_id = gone.alert_id;
            delete from graph.alerts a where a.alert_id = gone.alert_id;
        end if;
    end loop;
end $$;

-- Whose events may change the judgement that was just made, in place of what was watched for it before.
create function graph.watch(subjects uuid[], aspect smallint, now_watched graph.drift_watched[]) returns void
language plpgsql
as $$
begin
    delete from graph.drift_watch w
    where w.subject_uuid = any (subjects) and w.aspect = watch.aspect
        and (w.subject_uuid, w.watched_id, w.is_settled, w.first_at) not in (
            select n.subject_uuid, n.watched_id, n.is_settled, n.first_at from unnest(now_watched) n);
    insert into graph.drift_watch (watched_id, subject_uuid, aspect, is_settled, first_at)
    select n.watched_id, n.subject_uuid, watch.aspect, n.is_settled, n.first_at from unnest(now_watched) n
    on conflict do nothing;
end $$;

-- Every change of subjects in one respect. sayings: what was said of them, in respects 1, 2 and 7.
create function graph.changes_of(subjects uuid[], aspect smallint, sayings graph.drift_saying[])
returns setof graph.drift_change
language plpgsql stable
as $$
begin
    if aspect in (1, 2, 7) then
        return query select * from graph.drift_of(sayings);
    end if;
    if aspect = 1 then
        return query select * from graph.disagreements_of(sayings);
    elsif aspect = 3 then
        return query select c.* from unnest(subjects) u cross join lateral graph.input_drift_of(u) c;
    elsif aspect in (4, 5) then
        return query select * from graph.neighbour_drift_of(subjects, aspect);
    elsif aspect = 6 then
        return query select c.* from unnest(subjects) u cross join lateral graph.failures_of(u) c;
    elsif aspect = 9 then
        return query select c.* from unnest(subjects) u cross join lateral graph.structure_of(u) c;
    end if;
end $$;

create function graph.watched_by(subjects uuid[], aspect smallint, sayings graph.drift_saying[])
returns setof graph.drift_watched
language plpgsql stable
as $$
begin
    if aspect in (1, 2, 7) then
        return query select * from graph.watch_said(sayings);
    elsif aspect = 3 then
        return query select w.* from unnest(subjects) u cross join lateral graph.watch_inputs(u) w;
    elsif aspect in (4, 5) then
        return query select w.* from unnest(subjects) u cross join lateral graph.watch_neighbours(u, aspect) w;
    elsif aspect = 6 then
        return query select w.* from unnest(subjects) u cross join lateral graph.watch_failures(u) w;
    end if;
end $$;

-- Judges subjects in one respect: every change is an alert.
create function graph.judge_subjects(subjects uuid[], aspect smallint) returns void
language plpgsql
as $$
declare
    sayings constant graph.drift_saying[] := case when aspect in (1, 2, 7)
        then array(select d from graph.drift_said(subjects, aspect) d) end;
    changes constant graph.drift_change[] := array(select c from graph.changes_of(subjects, aspect, sayings) c);
begin
    perform graph.raise_drift(changes, aspect);
    perform graph.drop_alerts(subjects, aspect, changes);
    perform graph.watch(subjects, aspect, array(select w from graph.watched_by(subjects, aspect, sayings) w));
end $$;

-- The same, one by one when they cannot be judged together. What a judgement cannot be made of is noted, and stops no event.
create function graph.try_subjects(subjects uuid[], aspect smallint) returns void
language plpgsql
as $$
declare
    subject uuid;
begin
    perform graph.judge_subjects(subjects, aspect);
exception when others then
    if graph.may_go_better(sqlstate) then
        raise;
    elsif cardinality(subjects) > 1 then
        foreach subject in array subjects loop
            perform graph.try_subjects(array[subject], aspect);
        end loop;
    else
        update graph.drift_subjects s set failure = left(sqlerrm, 500)
        where s.subject_uuid = subjects[1] and s.aspect = try_subjects.aspect;
    end if;
end $$;

-- Judges what is due (mine: what this transaction made due), the oldest first, for about as long as budget; what is left
-- stays due for whoever calls next. True: something may be left.
-- Plans are made once per session and go along indexes (no bitmaps: whether there is any row is asked often), joins in the order
-- in which they are written: statistics of young tables mislead. The settings stand here only: each costs time at every call, and
-- what is called inherits them.
create function graph.judge_drift(budget interval, mine boolean) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
set join_collapse_limit = 1 set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_material = off set jit = off
as $$
declare
    until constant timestamptz := clock_timestamp() + budget;
    at_once constant integer := case when mine then 12 else 24 end;
    since constant xid8 := case when mine then pg_current_xact_id() else '0'::xid8 end;
    due graph.drift_subjects[];
    respect smallint;
begin
    loop
        due := array(select s from graph.drift_subjects s where s.due_in >= since and s.aspect < 9
                     order by s.due_in, s.aspect, s.subject_uuid limit at_once for update skip locked);
        if cardinality(due) = 0 then
            return false;
        end if;
        update graph.drift_subjects s set due_in = null, failure = null
        from unnest(due) d where s.subject_uuid = d.subject_uuid and s.aspect = d.aspect;
        for respect in select distinct d.aspect from unnest(due) d order by 1 loop
            perform graph.try_subjects(
                array(select d.subject_uuid from unnest(due) d where d.aspect = respect and d.contents <= 1000), respect);
        end loop;
        if clock_timestamp() > until then
            return true;
        end if;
    end loop;
end $$;
revoke execute on function graph.judge_drift(interval, boolean) from public;
