-- Alerts of what serves models: another version answers than before, and nobody who is known changed the deployment, or somebody
-- unknown told Kubernetes so; a version is served whose training run nobody knows.
--
-- By event time, from rows that are the same in every order. What answered first is the baseline; a change is a version that
-- answers, but neither did so before in that minute nor in the last one with answers. One alert for each pair of what answered
-- and what answers: open while that still answers, else history. That nobody changed it, or that there is no run, may be undone
-- by what comes later: so it is told only after a while (graph.served_wait), and once what Kafka held by then is stored; while
-- there is an alert, it is judged again every minute.

create table graph.served_wait (wait interval not null);
insert into graph.served_wait values ('1 minute');
comment on table graph.served_wait is 'One row: how long an action or a run may come behind what it explains.';
comment on column graph.served_wait.wait is 'So long.';

create function metaops.wait_for_actions(wait interval) returns void
language sql
as $$
    update graph.served_wait w set wait = wait_for_actions.wait
$$;
comment on function metaops.wait_for_actions is
    'How long an audit event or a training run may come behind the prediction or deployment that it explains, before there is an alert. Owner only.';
revoke execute on function metaops.wait_for_actions(interval) from public;

create table graph.served_watch (
    deployment_uuid uuid primary key,
    look_at timestamptz not null,
    failure text
);
create index served_watch_due on graph.served_watch (look_at);
comment on table graph.served_watch is 'Deployments whose served version may have changed.';
comment on column graph.served_watch.deployment_uuid is 'The deployment.';
comment on column graph.served_watch.look_at is 'When it is judged, once what Kafka held by then is stored; infinity: when something is new. What serves a version is judged every five minutes.';
comment on column graph.served_watch.failure is 'Why the last judgement could not be made: null when it was.';

create function graph.watch_served(deployments uuid[]) returns void
language sql
as $$
    insert into graph.served_watch as w (deployment_uuid, look_at)
    select d, now() + (select wait from graph.served_wait) from (select distinct unnest(deployments) order by 1) x (d)
    on conflict (deployment_uuid) do update set look_at = excluded.look_at where w.look_at > excluded.look_at
$$;

-- Versions that answered in a minute; null: none.
create function graph.answered_in(stream uuid, minute timestamptz) returns text[]
language sql stable
return (select array_agg(v.version order by v.version collate "C") from graph.inference_versions v
        where v.stream_uuid = stream and v.window_start = minute);

-- The last minute before, and the next behind, in which a version answered.
create function graph.minute_before(stream uuid, minute timestamptz) returns timestamptz
language sql stable
return (select max(v.window_start) from graph.inference_versions v where v.stream_uuid = stream and v.window_start < minute);

create function graph.minute_behind(stream uuid, minute timestamptz) returns timestamptz
language sql stable
return (select min(v.window_start) from graph.inference_versions v where v.stream_uuid = stream and v.window_start > minute);

-- Due is what answers first, or otherwise than its neighbours.
create function graph.watch_answers() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform graph.watch_served(array(
        select s.deployment_uuid
        from added a
        join graph.inference_streams s using (stream_uuid)
        where graph.minute_before(a.stream_uuid, a.window_start) is null or exists (
            select from (values (graph.answered_in(a.stream_uuid, a.window_start)),
                                (graph.answered_in(a.stream_uuid, graph.minute_before(a.stream_uuid, a.window_start))),
                                (graph.answered_in(a.stream_uuid, graph.minute_behind(a.stream_uuid, a.window_start)))) n (versions)
            where n.versions <> array[a.version])));
    return null;
end $$;
create trigger inference_versions_added after insert on graph.inference_versions
referencing new table as added for each statement execute function graph.watch_answers();

create type graph.served_change as (
    stream uuid, model uuid, before text[], version text, since timestamptz, at timestamptz, added_at timestamptz, is_past boolean
);
comment on type graph.served_change is 'Another version answers than before.';
comment on column graph.served_change.stream is 'In which stream.';
comment on column graph.served_change.model is 'Of which model.';
comment on column graph.served_change.before is 'What answered before.';
comment on column graph.served_change.version is 'What answers.';
comment on column graph.served_change.since is 'When what answered before had begun to.';
comment on column graph.served_change.at is 'When it answered first.';
comment on column graph.served_change.added_at is 'When that was stored.';
comment on column graph.served_change.is_past is 'It does not answer any more.';

-- Changes of the last two days with answers, of each pair the latest. In the first minute of a stream the version that
-- begins when all others have ended is a change.
create function graph.served_changes(stream uuid) returns setof graph.served_change
language sql stable
as $$
    with latest as materialized (
        select max(v.window_start) as window_start from graph.inference_versions v where v.stream_uuid = stream
    ), answered as materialized (
        select v.*, graph.minute_before(stream, v.window_start) as before_in
        from graph.inference_versions v
        where v.stream_uuid = stream and v.window_start > (select window_start from latest) - interval '2 days'
    ), compared as (
        select a.*, p.versions, p.first_at as since
        from answered a
        cross join lateral (
            select array_agg(distinct v.version collate "C") as versions, min(v.first_at) as first_at, bool_and(v.last_at < a.first_at) as is_over
            from graph.inference_versions v
            where v.stream_uuid = stream and (v.window_start = a.before_in
                or v.window_start = a.window_start and (v.first_at, v.version collate "C") < (a.first_at, a.version collate "C"))) p
        where a.version <> all (p.versions) and (a.before_in is not null or p.is_over)
    ), changes as (
        select c.*, coalesce(lag(c.first_at) over (order by c.first_at, c.version collate "C"),
            (select min(v.first_at) from graph.inference_versions v where v.stream_uuid = stream)) as began_at
        from compared c
    )
    select distinct on (c.versions, c.version) stream, s.model_uuid, c.versions, c.version, least(c.began_at, c.first_at), c.first_at, c.added_at,
        c.version <> all (graph.answered_in(stream, l.window_start))
    from changes c
    cross join latest l
    join graph.inference_streams s on s.stream_uuid = stream
    order by c.versions, c.version, c.first_at desc
$$;

-- Did somebody who is known change the deployment, or an object of its model's name, between the times; or tell it to serve
-- that version?
create function graph.is_explained(d graph.deployments, model text, version text, since timestamptz, until timestamptz) returns boolean
language sql stable
return exists (
        select from graph.actions a
        where a.namespace = (d).namespace and a.name in ((d).name, is_explained.model) and a.event_time > since and a.event_time <= until
            and a.verb in ('create', 'update', 'patch', 'delete') and a.stage = 'ResponseComplete' and a.code between 200 and 299
            and a.subresource is null and graph.is_known_actor(a.actor)
            and a.resource not in ('events', 'endpoints', 'endpointslices', 'leases', 'pods', 'replicasets'))
    or exists (
        select from metaops.served_versions s
        where s.namespace = (d).namespace and s.deployment in ((d).name, is_explained.model) and s.version = is_explained.version
            and graph.is_known_actor(s.changed_by) and s.served_from <= until and (s.served_to is null or s.served_to > since));

-- What Kubernetes was told to serve instead of something else, by nobody known; of each pair the latest. What only a watch saw
-- counts where the cluster sends audit events at all: elsewhere nobody could be known.
create function graph.told_changes(d graph.deployments)
returns table (before text, named text, version text, at timestamptz, added_at timestamptz, is_past boolean)
language sql stable
as $$
    select distinct on (t.before, t.named) t.before, t.named, t.version, t.served_from, k.added_at, t.served_to is not null
    from (
        select s.*, n.named, lag(n.named) over (partition by s.cluster, s.kind order by s.served_from, s.served_to, s.audit_id) as before
        from metaops.served_versions s
        cross join lateral (select graph.version_name(s.model, coalesce(s.version, s.artifact_uri, '?')) as named) n
        where s.namespace = d.namespace and s.deployment = d.name) t
    join graph.k8s_objects o on o.cluster = t.cluster and o.namespace = t.namespace and o.name = t.deployment and o.kind = t.kind
    join graph.k8s_states k on k.object_uuid = o.object_uuid and k.at = t.served_from
    where t.before <> t.named and not graph.is_known_actor(t.changed_by)
        and (t.audit_id is not null or exists (select from graph.actions a where a.cluster = t.cluster))
    order by t.before, t.named, t.served_from desc, k.added_at
$$;

create function graph.deployment_alert(alert uuid, d graph.deployments, title text, detail jsonb, at timestamptz, is_past boolean) returns void
language sql
as $$
    select graph.raise_alert(alert, 'model', 'warning', 5::smallint, (d).deployment_uuid, null, title,
        jsonb_strip_nulls(detail || jsonb_build_object(
            'owners', (select jsonb_agg(o) from string_to_table(graph.deployment_owner((d).deployment_uuid), ', ') o),
            'sql', format('select * from metaops.inference_windows where namespace = %L and deployment = %L order by window_start',
                          (d).namespace, (d).name))),
        coalesce((select jsonb_agg(jsonb_build_object('kind', 'inference_stream', 'namespace', w.namespace,
                'name', concat_ws('/', w.deployment, nullif(w.endpoint, ''), w.model), 'depth', 1) order by w.endpoint, w.model)
            from graph.watched_streams w join graph.inference_streams s using (stream_uuid)
            where s.deployment_uuid = (d).deployment_uuid), '[]'),
        at, null, is_past, null)
$$;

create type graph.served_finding as (alert uuid, title text, detail jsonb, at timestamptz, is_past boolean);
comment on type graph.served_finding is 'Something to tell of a deployment.';
comment on column graph.served_finding.alert is 'The alert: the same for the same thing in every store.';
comment on column graph.served_finding.title is 'One line for people.';
comment on column graph.served_finding.detail is 'What changed, or is missing.';
comment on column graph.served_finding.at is 'Since when it is so.';
comment on column graph.served_finding.is_past is 'It is no longer so.';

-- What Kubernetes was told by nobody known, of what was stored by then.
create function graph.found_told(d graph.deployments, stored_by timestamptz) returns setof graph.served_finding
language sql stable
as $$
    select md5(concat_ws('|', 'told', (d).deployment_uuid, c.before, c.named))::uuid,
        format('%s: was told to serve %s instead of %s by nobody known', (d).name, c.named, c.before),
        jsonb_build_object('changes', jsonb_build_array(jsonb_build_object(
            'change', 'changed', 'what', 'served version', 'from', c.before, 'to', c.named))),
        c.at, c.is_past
    from graph.told_changes(d) c
    where c.added_at <= stored_by
    order by c.before, c.named
$$;

-- Changes that nobody explains and that Kubernetes was not told, of those that were stored by then.
create function graph.found_changes(d graph.deployments, stored_by timestamptz) returns setof graph.served_finding
language sql stable
as $$
    select md5(concat_ws('|', 'served', c.stream, array_to_string(c.before, ','), c.version))::uuid,
        format('%s: %s %s answers instead of %s, and nobody known changed it', (d).name, m.name, c.version,
               array_to_string(c.before, ', ')),
        jsonb_build_object('model', m.name, 'endpoint', w.endpoint, 'changes', jsonb_build_array(jsonb_build_object(
            'change', 'changed', 'what', 'served version', 'from', array_to_string(c.before, ', '), 'to', c.version))),
        c.at, c.is_past
    from graph.inference_streams s
    cross join lateral graph.served_changes(s.stream_uuid) c
    join graph.models m on m.model_uuid = c.model
    join graph.watched_streams w on w.stream_uuid = s.stream_uuid
    cross join graph.served_wait y
    where s.deployment_uuid = (d).deployment_uuid and c.added_at <= stored_by
        and not graph.is_explained(d, m.name, c.version, c.since, c.at + y.wait)
        and not exists (
            select from graph.told_changes(d) t where t.version = c.version and t.at > c.since and t.at <= c.at + y.wait)
    order by c.stream, c.before, c.version
$$;

-- Versions that a deployment was told to serve, or that answered instead of others, each once; version null: only an artifact is named.
create function graph.versions_deployed(d graph.deployments)
returns table (model_uuid uuid, version text, artifact_uri text, at timestamptz, added_at timestamptz, is_past boolean)
language sql stable
as $$
    select s.model_uuid, s.version, s.artifact_uri, max(s.at), max(s.added_at), bool_and(s.is_past)
    from (
        select m.model_uuid, t.version, t.artifact_uri, t.served_from as at, k.added_at, t.served_to is not null as is_past
        from metaops.served_versions t
        join graph.models m on m.namespace = t.namespace and m.name = t.model
        join graph.k8s_objects o on o.namespace = t.namespace and o.name = t.deployment
        join graph.k8s_states k on k.object_uuid = o.object_uuid and k.at = t.served_from
        where t.namespace = d.namespace and t.deployment = d.name
        union all
        select c.model, c.version, v.artifact_uri, c.at, c.added_at, c.is_past
        from graph.inference_streams s
        cross join lateral graph.served_changes(s.stream_uuid) c
        left join graph.model_versions v on v.model_uuid = c.model and v.version = c.version
        where s.deployment_uuid = d.deployment_uuid) s
    group by s.model_uuid, s.version, s.artifact_uri
$$;

-- Is a run known that made the version, or what is loaded?
create function graph.is_traceable(model uuid, version text, artifact_uri text) returns boolean
language sql stable
return exists (select from graph.model_artifacts a where a.artifact_uri = is_traceable.artifact_uri)
    or exists (
        select from graph.model_versions v
        where (v.model_uuid = model and v.version = is_traceable.version or v.artifact_uri = is_traceable.artifact_uri)
            and (v.run_uuid is not null or v.registry_run_id is not null));

-- Versions of which no run is known, of those that were stored by then.
create function graph.found_traces(d graph.deployments, stored_by timestamptz) returns setof graph.served_finding
language sql stable
as $$
    select md5(concat_ws('|', 'trace', (d).deployment_uuid, v.model_uuid, v.version, v.artifact_uri))::uuid,
        format('%s: serves %s, whose training run nobody knows', (d).name, n.named),
        jsonb_build_object('changes', jsonb_build_array(jsonb_build_object(
            'change', 'missing', 'what', 'training run', 'value', n.named))),
        v.at, v.is_past
    from graph.versions_deployed(d) v
    join graph.models m using (model_uuid)
    cross join lateral (
        select coalesce(graph.version_name(m.name, v.version), m.name || ' of ' || v.artifact_uri, m.name) as named) n
    where v.added_at <= stored_by and not graph.is_traceable(v.model_uuid, v.version, v.artifact_uri)
    order by v.model_uuid, v.version, v.artifact_uri
$$;

-- What was found of one kind is told, and alerts of that kind that are no longer true are resolved. True: one is open.
create function graph.tell_served(d graph.deployments, fact text, findings graph.served_finding[]) returns boolean
language plpgsql
as $$
declare
    still constant uuid[] := array(select f.alert from unnest(findings) f where not f.is_past);
    finding graph.served_finding;
begin
    foreach finding in array findings loop
        perform graph.deployment_alert(finding.alert, d, finding.title,
            jsonb_build_object('fact', tell_served.fact) || finding.detail, finding.at, finding.is_past);
    end loop;
    perform graph.resolve_alert(a.alert_id)
    from graph.alerts a
    where a.subject_uuid = d.deployment_uuid and a.kind = 'model' and a.detail ->> 'fact' = tell_served.fact
        and a.status in ('open', 'acknowledged') and a.alert_id <> all (still);
    return still <> '{}';
end $$;

-- Returns when it is to be judged again.
create function graph.judge_served_by(d graph.deployments, stored_to timestamptz) returns timestamptz
language plpgsql
as $$
declare
    wait constant interval := (select w.wait from graph.served_wait w);
    stored_by constant timestamptz := stored_to - wait;
    is_changed constant boolean := graph.tell_served(d, 'served',
        array(select f from graph.found_changes(d, stored_by) f) || array(select f from graph.found_told(d, stored_by) f));
    is_untraced constant boolean := graph.tell_served(d, 'trace', array(select f from graph.found_traces(d, stored_by) f));
    is_other constant boolean := graph.judge_inputs(d, stored_by);
    is_waiting constant boolean := exists (
            select from graph.inference_streams s cross join lateral graph.served_changes(s.stream_uuid) c
            where s.deployment_uuid = d.deployment_uuid and c.added_at > stored_by)
        or exists (select from graph.versions_deployed(d) v where v.added_at > stored_by);
begin
    return case when is_waiting then now() + least(wait, interval '1 minute')
        when is_changed or is_untraced or is_other then now() + interval '1 minute'
        -- What it was trained on, or is asked, may become another.
        when exists (select from graph.versions_served(d.namespace, d.name) v where v.is_now) then now() + interval '5 minutes'
        else 'infinity' end;
end $$;

create function graph.try_served(deployment uuid, stored_to timestamptz) returns void
language plpgsql
as $$
declare
    again timestamptz;
begin
    again := graph.judge_served_by((select d from graph.deployments d where d.deployment_uuid = deployment), stored_to);
    update graph.served_watch w set look_at = again, failure = null where w.deployment_uuid = deployment;
exception when others then
    if graph.may_go_better(sqlstate) then
        raise;
    end if;
    update graph.served_watch w set look_at = now() + interval '1 hour', failure = left(sqlerrm, 500)
    where w.deployment_uuid = deployment;
end $$;

-- What is due by then, if it is stored to there (graph.stored_to).
create function graph.judge_served(most integer, stored_to timestamptz) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    due graph.served_watch;
    judged integer := 0;
begin
    for due in
        select * from graph.served_watch w where w.look_at <= judge_served.stored_to
        order by w.deployment_uuid limit most for update skip locked
    loop
        perform graph.try_served(due.deployment_uuid, stored_to);
        judged := judged + 1;
    end loop;
    return judged;
end $$;

revoke execute on function graph.judge_served(integer, timestamptz), graph.watch_served(uuid[]) from public;
insert into graph.role_rights values ('metaops_writer', 'function graph.judge_served(integer, timestamptz)', 'execute');
