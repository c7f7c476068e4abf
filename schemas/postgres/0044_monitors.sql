-- Monitors: detectors of drift and outliers, and what they say. An answer of a detector is a row of its own, each once, as only
-- an event that the ledger finds new adds one.
--
-- A reply of Seldon Core v1 names what its detector watches; an answer of MLServer's only the detector itself. What that watches is
-- declared in Kubernetes: annotation metaops.io/monitors of the object that runs it, or that has its name, lists streams of its
-- namespace (DEPLOYMENT, DEPLOYMENT/MODEL or DEPLOYMENT/ENDPOINT/MODEL, separated by commas or blanks); or that of what serves
-- lists detectors in the same way. A batching detector answers with nothing until its batch is full: not evaluated.
-- Such an answer looks like that of any model, so it is seen only where another one tells that there is a monitor.

create table graph.monitors (
    monitor_uuid uuid primary key,
    namespace text not null,
    name text not null,
    stream_uuid uuid not null,
    is_apart boolean not null,
    kind smallint not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    described_at timestamptz,
    described_by uuid,
    detector text,
    detector_type text,
    data_type text,
    version text,
    failure text
) with (fillfactor = 70);
create index monitors_stream on graph.monitors (stream_uuid);
comment on table graph.monitors is 'Detectors of drift and outliers (view metaops.monitors).';
comment on column graph.monitors.monitor_uuid is 'Version 5 UUID over namespace, source of a reply, deployment, endpoint and model.';
comment on column graph.monitors.namespace is 'Its namespace; empty where none was named.';
comment on column graph.monitors.name is 'Name of the model that it is; of one that replies to events the source that it names.';
comment on column graph.monitors.stream_uuid is 'The predictions that it watches (is_apart), or its own answers.';
comment on column graph.monitors.is_apart is 'It replies to events about the stream that it watches.';
comment on column graph.monitors.kind is '1: drift, 2: outliers.';
comment on column graph.monitors.first_at is 'Earliest time of a verdict.';
comment on column graph.monitors.last_at is 'Latest time of a verdict.';
comment on column graph.monitors.described_at is 'When it told last what it is; null: never.';
comment on column graph.monitors.described_by is 'In which event.';
comment on column graph.monitors.detector is 'Its method, as it names it.';
comment on column graph.monitors.detector_type is 'As it names it.';
comment on column graph.monitors.data_type is 'As it names it.';
comment on column graph.monitors.version is 'Version of its software.';
comment on column graph.monitors.failure is 'Why it could not be judged last; null: it was.';

create table graph.drift_evaluations (
    event_id uuid primary key,
    monitor_uuid uuid not null,
    event_time timestamptz not null,
    state smallint not null,
    kind smallint not null,
    judged integer not null,
    drifted integer not null,
    distance double precision,
    p_value double precision,
    threshold double precision,
    request_id text not null
);
create index drift_evaluations_monitor on graph.drift_evaluations (monitor_uuid, state, event_time, event_id);
create index drift_evaluations_time on graph.drift_evaluations using brin (event_time) with (autosummarize = on);
comment on table graph.drift_evaluations is 'What detectors said (view metaops.drift_evaluations).';
comment on column graph.drift_evaluations.event_id is 'The event.';
comment on column graph.drift_evaluations.monitor_uuid is 'The detector; none of graph.monitors while only answers without a verdict have come, which may be those of any model.';
comment on column graph.drift_evaluations.event_time is 'Time of the event, that of receipt where it has none.';
comment on column graph.drift_evaluations.state is '0: not evaluated, 1: clean, 2: drifted.';
comment on column graph.drift_evaluations.kind is '0: not known, 1: drift, 2: outliers.';
comment on column graph.drift_evaluations.judged is 'Elements of the verdict: features, or instances.';
comment on column graph.drift_evaluations.drifted is 'Of these, how many say yes.';
comment on column graph.drift_evaluations.distance is 'The largest distance, of outliers the largest score; null: not said.';
comment on column graph.drift_evaluations.p_value is 'The smallest p value; null: not said.';
comment on column graph.drift_evaluations.threshold is 'The smallest threshold; null: not said.';
comment on column graph.drift_evaluations.request_id is 'The request that it was, or the last one of what it was about.';

create function graph.detector_kind(kind smallint) returns text
language sql immutable strict parallel safe
return (array['drift', 'outlier'])[kind];
comment on function graph.detector_kind is 'What a detector looks for.';

create view graph.watched_streams as
select s.stream_uuid, d.namespace, d.name as deployment, s.endpoint, m.name as model
from graph.inference_streams s
join graph.deployments d using (deployment_uuid)
join graph.models m using (model_uuid);
comment on view graph.watched_streams is 'Streams by their names.';
comment on column graph.watched_streams.stream_uuid is 'The stream.';
comment on column graph.watched_streams.namespace is 'Namespace of deployment and model.';
comment on column graph.watched_streams.deployment is 'What serves.';
comment on column graph.watched_streams.endpoint is 'Predictor, component or path; empty where none was named.';
comment on column graph.watched_streams.model is 'The model that answers.';

-- What objects of Kubernetes that are there say of monitors, each by the latest of its states.
create view graph.monitor_claims as
select o.namespace, o.name, x.target
from graph.k8s_objects o
cross join lateral (
    select s.annotations ->> 'metaops.io/monitors' as targets
    from graph.k8s_states s
    where s.object_uuid = o.object_uuid and s.is_whole
    order by coalesce(s.generation, 0) desc, s.at desc, coalesce(s.revision, 0) desc, s.action_uuid desc
    limit 1) l
cross join lateral regexp_split_to_table(l.targets, '[,[:space:]]+') x (target)
where x.target <> '' and not exists (select from graph.k8s_states g where g.object_uuid = o.object_uuid and g.is_deleted);
comment on view graph.monitor_claims is 'Annotations metaops.io/monitors of objects of Kubernetes.';
comment on column graph.monitor_claims.namespace is 'Namespace of the object.';
comment on column graph.monitor_claims.name is 'Its name.';
comment on column graph.monitor_claims.target is 'A stream that it names, or all of a deployment.';

create function graph.is_target(target text, stream graph.watched_streams) returns boolean
language sql immutable parallel safe
return target in (stream.deployment, stream.deployment || '/' || stream.model,
                  concat_ws('/', stream.deployment, nullif(stream.endpoint, ''), stream.model));
comment on function graph.is_target is 'Whether an annotation metaops.io/monitors names a stream.';

create view graph.monitor_watches as
select m.monitor_uuid, m.stream_uuid, 'observed' as source
from graph.monitors m
where m.is_apart
union
select m.monitor_uuid, watched.stream_uuid, 'declared'
from graph.monitors m
join graph.watched_streams own using (stream_uuid)
join graph.watched_streams watched on watched.namespace = own.namespace
join graph.monitor_claims c on c.namespace = own.namespace
    and (c.name in (own.deployment, own.model) and graph.is_target(c.target, watched)
         or c.name = watched.deployment and (c.target = own.model or graph.is_target(c.target, own)))
where not m.is_apart and not exists (
    select from graph.monitors o where o.stream_uuid = watched.stream_uuid and not o.is_apart);
comment on view graph.monitor_watches is 'Which detectors watch which streams; a detector watches none that is the answers of one.';
comment on column graph.monitor_watches.monitor_uuid is 'The detector.';
comment on column graph.monitor_watches.stream_uuid is 'The stream.';
comment on column graph.monitor_watches.source is 'observed: it replies to events of the stream; declared: an object of Kubernetes says so.';

create view metaops.monitor_watches as
select m.namespace, m.name as monitor, graph.detector_kind(m.kind) as kind, s.deployment, s.endpoint, s.model, w.source
from graph.monitor_watches w
join graph.monitors m using (monitor_uuid)
join graph.watched_streams s on s.stream_uuid = w.stream_uuid;
comment on view metaops.monitor_watches is 'Which detectors watch which streams of predictions.';
comment on column metaops.monitor_watches.namespace is 'Namespace of both.';
comment on column metaops.monitor_watches.monitor is 'The detector, as in metaops.monitors.';
comment on column metaops.monitor_watches.kind is 'drift or outlier.';
comment on column metaops.monitor_watches.deployment is 'The deployment that it watches.';
comment on column metaops.monitor_watches.endpoint is 'Which endpoint of that.';
comment on column metaops.monitor_watches.model is 'Which model there.';
comment on column metaops.monitor_watches.source is 'observed: it replies to events of the stream; declared: annotation metaops.io/monitors says so.';

-- What a detector watches, the first of it by name.
create function graph.watched_first(monitor uuid) returns graph.watched_streams
language sql stable
as $$
    select s.*
    from graph.monitor_watches w join graph.watched_streams s on s.stream_uuid = w.stream_uuid
    where w.monitor_uuid = monitor
    order by s.deployment collate "C", s.endpoint collate "C", s.model collate "C"
    limit 1
$$;

create view metaops.monitors as
select m.namespace, m.name as monitor, graph.detector_kind(m.kind) as kind, m.detector, m.detector_type, m.data_type, m.version,
    case when not m.is_apart then s.deployment end as runs_in,
    w.deployment, w.endpoint, w.model,
    m.first_at as first_seen, m.last_at as last_seen
from graph.monitors m
left join graph.watched_streams s using (stream_uuid)
left join lateral graph.watched_first(m.monitor_uuid) w on true;
comment on view metaops.monitors is 'Detectors of drift and outliers.';
comment on column metaops.monitors.namespace is 'Namespace of the detector; empty where none was named.';
comment on column metaops.monitors.monitor is 'Its name: that of the model which it is, or the source of its replies.';
comment on column metaops.monitors.kind is 'drift or outlier.';
comment on column metaops.monitors.detector is 'Its method, as it names it last; null: not said.';
comment on column metaops.monitors.detector_type is 'As it names it last.';
comment on column metaops.monitors.data_type is 'As it names it last.';
comment on column metaops.monitors.version is 'Version of its software, as it names it last.';
comment on column metaops.monitors.runs_in is 'The deployment that it is a model of; null: it replies to events of others.';
comment on column metaops.monitors.deployment is 'What it watches, of several the first by name (metaops.monitor_watches has all); null: not known.';
comment on column metaops.monitors.endpoint is 'Which endpoint of that.';
comment on column metaops.monitors.model is 'Which model there.';
comment on column metaops.monitors.first_seen is 'Time of its earliest verdict.';
comment on column metaops.monitors.last_seen is 'Time of its latest verdict.';

create view metaops.drift_evaluations as
select m.namespace, m.name as monitor, graph.detector_kind(m.kind) as kind,
    (array['not_evaluated', 'clean', 'drifted'])[e.state + 1] as state, e.event_time, e.request_id,
    w.deployment, w.endpoint, w.model,
    e.judged as features, e.drifted as drifted_features, e.distance, e.p_value, e.threshold, e.event_id
from graph.drift_evaluations e
join graph.monitors m using (monitor_uuid)
left join lateral graph.watched_first(m.monitor_uuid) w on true;
comment on view metaops.drift_evaluations is 'What detectors of drift and outliers said.';
comment on column metaops.drift_evaluations.namespace is 'Namespace of the detector; empty where none was named.';
comment on column metaops.drift_evaluations.monitor is 'The detector.';
comment on column metaops.drift_evaluations.kind is 'drift or outlier.';
comment on column metaops.drift_evaluations.state is
    'not_evaluated (its batch was not full yet), clean, or drifted: at least one feature drifted, at least one instance is an outlier.';
comment on column metaops.drift_evaluations.event_time is 'Time of the event, that of receipt where it has none.';
comment on column metaops.drift_evaluations.request_id is 'The request that it answered, or the last of those it is about.';
comment on column metaops.drift_evaluations.deployment is 'What is watched, as in metaops.monitors; null: not known.';
comment on column metaops.drift_evaluations.endpoint is 'Which endpoint of that.';
comment on column metaops.drift_evaluations.model is 'Which model there.';
comment on column metaops.drift_evaluations.features is 'Elements of the verdict: features, of outliers instances.';
comment on column metaops.drift_evaluations.drifted_features is 'Of these, how many drifted or are outliers.';
comment on column metaops.drift_evaluations.distance is 'The largest distance, of outliers the largest score; null: not said.';
comment on column metaops.drift_evaluations.p_value is 'The smallest p value; null: not said.';
comment on column metaops.drift_evaluations.threshold is 'The smallest threshold; null: not said.';
comment on column metaops.drift_evaluations.event_id is 'Id of the event in the ledger.';

-- Alerts ---------------------------------------------------------------------------------------------------------

create or replace view metaops.alerts as
select a.alert_id, a.kind, a.severity, a.status,
    coalesce(d.namespace, j.namespace, n.namespace) as namespace, coalesce(d.name, j.name, n.name) as name, a.field,
    a.title, case when a.aspect is null then a.detail else a.detail || jsonb_strip_nulls(jsonb_build_object(
        'first_bad_run', graph.run_name(r.run_id, a.run_uuid), 'job_namespace', f.namespace, 'job', f.name,
        'sql', graph.drift_query(a.kind, coalesce(d.namespace, j.namespace), coalesce(d.name, j.name), a.subject_kind = 3))) end as detail,
    a.opened_at, a.last_seen_at, a.event_time, graph.run_name(r.run_id, a.run_uuid) as run_id,
    a.occurrences, a.downstream,
    (array['job', 'dataset', 'model', 'deployment', 'monitor'])[a.subject_kind - 1] as subject_kind, a.cause,
    (select count(*) from graph.alerts s where s.cause = a.alert_id) as symptoms
from graph.alerts a
left join graph.datasets d on a.subject_kind = 3 and d.dataset_uuid = a.subject_uuid
left join graph.jobs j on a.subject_kind = 2 and j.job_uuid = a.subject_uuid
left join lateral (
    select m.namespace, m.name from graph.models m where a.subject_kind = 4 and m.model_uuid = a.subject_uuid
    union all
    select p.namespace, p.name from graph.deployments p where a.subject_kind = 5 and p.deployment_uuid = a.subject_uuid
    union all
    select m.namespace, m.name from graph.monitors m where a.subject_kind = 6 and m.monitor_uuid = a.subject_uuid
) n on a.subject_kind > 3
left join graph.runs r on r.run_uuid = a.run_uuid
left join graph.jobs f on a.aspect is not null and f.job_uuid = r.job_uuid;
comment on column graph.alerts.detail is
    'What changed and what one needs to act, but for what metaops.alerts adds where aspect is set: the run, its job and the SQL.';

-- The latest drift that a detector saw: from its first verdict of drift behind a clean one to the last; over when a clean
-- verdict follows. By event time, so that the order in which verdicts come makes no difference.
create type graph.monitor_drift as (
    first graph.drift_evaluations, last graph.drift_evaluations, evaluations bigint, last_good_at timestamptz, is_past boolean
);
comment on type graph.monitor_drift is 'A drift that a detector saw.';
comment on column graph.monitor_drift.first is 'Its first verdict.';
comment on column graph.monitor_drift.last is 'Its last one.';
comment on column graph.monitor_drift.evaluations is 'How many there are, 1,000 at most.';
comment on column graph.monitor_drift.last_good_at is 'When it was clean last before.';
comment on column graph.monitor_drift.is_past is 'It is over.';

create function graph.monitor_drift_of(monitor uuid) returns graph.monitor_drift
language plpgsql stable
as $$
declare
    found_drift graph.monitor_drift;
    good graph.drift_evaluations;
begin
    select e into found_drift.last from graph.drift_evaluations e
    where e.monitor_uuid = monitor and e.state = 2 and e.kind = 1
    order by e.event_time desc, e.event_id desc limit 1;
    if not found then
        return null;
    end if;
    select e.* into good from graph.drift_evaluations e
    where e.monitor_uuid = monitor and e.state = 1 and e.kind = 1
        and (e.event_time, e.event_id) < ((found_drift.last).event_time, (found_drift.last).event_id)
    order by e.event_time desc, e.event_id desc limit 1;
    select e into found_drift.first from graph.drift_evaluations e
    where e.monitor_uuid = monitor and e.state = 2 and e.kind = 1
        and (good.event_id is null or (e.event_time, e.event_id) > (good.event_time, good.event_id))
    order by e.event_time, e.event_id limit 1;
    found_drift.last_good_at := good.event_time;
    found_drift.evaluations := (
        select count(*)
        from (select from graph.drift_evaluations e
              where e.monitor_uuid = monitor and e.state = 2 and e.kind = 1
                  and (e.event_time, e.event_id) >= ((found_drift.first).event_time, (found_drift.first).event_id)
              limit 1000) n);
    found_drift.is_past := exists (
        select from graph.drift_evaluations e
        where e.monitor_uuid = monitor and e.state = 1 and e.kind = 1
            and (e.event_time, e.event_id) > ((found_drift.last).event_time, (found_drift.last).event_id));
    return found_drift;
end $$;

-- What the alert of a drift tells: what was seen, by whom, of which predictions.
create function graph.monitor_detail(m graph.monitors, drift graph.monitor_drift) returns jsonb
language plpgsql stable
as $$
begin
    return jsonb_strip_nulls(jsonb_build_object(
        'fact', 'detector',
        'changes', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('change', 'changed', 'what', 'verdict',
            'from', case when drift.last_good_at is not null then 'clean' end, 'to', 'drifted'))),
        'detector', m.detector, 'detector_type', m.detector_type, 'data_type', m.data_type,
        'evaluations', drift.evaluations,
        'features', (drift.last).judged, 'drifted_features', (drift.last).drifted,
        'distance', (drift.last).distance, 'p_value', (drift.last).p_value, 'threshold', (drift.last).threshold,
        'first_bad_request', (drift.first).request_id, 'last_bad_request', (drift.last).request_id,
        'last_bad_at', (drift.last).event_time, 'last_good_at', drift.last_good_at,
        'watches', (select jsonb_build_object('namespace', s.namespace, 'deployment', s.deployment, 'endpoint', s.endpoint,
                                              'model', s.model)
                    from graph.watched_first(m.monitor_uuid) s where s.stream_uuid is not null),
        'sql', format('select * from metaops.drift_evaluations where namespace = %L and monitor = %L order by event_time',
                      m.namespace, m.name)));
end $$;

create function graph.monitor_title(m graph.monitors, drift graph.monitor_drift) returns text
language sql immutable parallel safe
return m.name || ': sees drift' || case when ((drift).last).judged > 1
    then format(' of %s of %s features', ((drift).last).drifted, ((drift).last).judged) else '' end;

-- Who is hit: what is watched, and its models.
create function graph.monitor_downstream(monitor uuid) returns jsonb
language sql stable
as $$
    select coalesce(jsonb_agg(jsonb_build_object('kind', h.kind, 'namespace', h.namespace, 'name', h.name, 'depth', 1)
                              order by h.kind, h.namespace collate "C", h.name collate "C"), '[]')
    from (select distinct n.kind, s.namespace, n.name
          from graph.monitor_watches w
          join graph.watched_streams s on s.stream_uuid = w.stream_uuid
          cross join lateral (values ('deployment', s.deployment), ('model', s.model)) n (kind, name)
          where w.monitor_uuid = monitor) h
$$;

create function graph.judge_monitor(monitor uuid) returns void
language plpgsql
as $$
declare
    m constant graph.monitors := (select x from graph.monitors x where x.monitor_uuid = monitor);
    drift constant graph.monitor_drift := graph.monitor_drift_of(monitor);
begin
    if drift.evaluations is null then
        return;
    end if;
    perform graph.raise_alert(md5('detector|' || monitor)::uuid, 'model', 'warning', 6::smallint, monitor, null,
        graph.monitor_title(m, drift), graph.monitor_detail(m, drift),
        graph.monitor_downstream(monitor),
        (drift.first).event_time, null, drift.is_past, null);
end $$;

-- In the transaction of the verdicts, which has locked their monitors. What cannot be judged is noted, and stops no event.
create function graph.judge_monitors(monitors uuid[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    monitor uuid;
begin
    foreach monitor in array monitors loop
        begin
            perform graph.judge_monitor(monitor);
        exception when others then
            if graph.may_go_better(sqlstate) then
                raise;
            end if;
            update graph.monitors m set failure = left(sqlerrm, 500) where m.monitor_uuid = monitor;
        end;
    end loop;
end $$;
revoke execute on function graph.judge_monitors(uuid[]) from public;

-- What is declared behind a verdict is in its alert, too.
create function graph.judge_declared() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform graph.judge_monitors(array(
        select m.monitor_uuid
        from graph.monitors m
        join graph.k8s_objects o on o.object_uuid = new.object_uuid and o.namespace = m.namespace
        where not m.is_apart
        order by m.monitor_uuid
        for update of m));
    return null;
end $$;
create trigger k8s_states_monitors after insert on graph.k8s_states
for each row when (new.annotations ? 'metaops.io/monitors') execute function graph.judge_declared();

insert into graph.role_rights values
    ('metaops_writer', 'graph.monitors', 'insert, select, update'),
    ('metaops_writer', 'graph.drift_evaluations', 'insert'),
    ('metaops_writer', 'function graph.judge_monitors(uuid[])', 'execute'),
    ('metaops_reader', 'graph.monitors', 'select'),
    ('metaops_reader', 'graph.drift_evaluations', 'select');

insert into graph.row_rules (name, is_granted, condition) values
    ('monitors', true, 'namespace = any ((select graph.namespaces_of(current_user))::text[])'),
    ('drift_evaluations', true, 'exists (select from graph.monitors m where m.monitor_uuid = drift_evaluations.monitor_uuid)');
insert into graph.row_views values
    ('graph.watched_streams'), ('graph.monitor_claims'), ('graph.monitor_watches'), ('metaops.monitor_watches'), ('metaops.monitors'),
    ('metaops.drift_evaluations');
