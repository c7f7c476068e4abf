-- Falling through the gate: models, their versions and what serves them, as datasets and jobs (0049_gate.sql).
--
-- What can take something away makes its subject due: a tag that is gone, a state of an object of Kubernetes, and an alert of the
-- same kind about what the gate reaches through (a dataset for the versions trained on it, a version for what serves it). The
-- alerter judges what is due, and again every minute while there is an alert. The judgement looks at rows that are the same in
-- every order.

create table graph.model_gates (
    kind text not null,
    subject_uuid uuid not null,
    look_at timestamptz not null,
    failure text,
    primary key (kind, subject_uuid)
);
create index model_gates_due on graph.model_gates (look_at);
comment on table graph.model_gates is 'Models, versions and deployments of which something mandatory may hold no more.';
comment on column graph.model_gates.kind is 'model, model_version or deployment.';
comment on column graph.model_gates.subject_uuid is 'Which one, as in graph.minimum_known.';
comment on column graph.model_gates.look_at is 'When it is judged again; infinity: when it is made due.';
comment on column graph.model_gates.failure is 'Why the last judgement could not be made: null when it was.';

create function graph.watch_model_gates(of_kind text, subjects uuid[]) returns void
language sql
as $$
    insert into graph.model_gates as w (kind, subject_uuid, look_at)
    select of_kind, s, now() from (select distinct unnest(subjects) order by 1) x (s) where s is not null
    on conflict (kind, subject_uuid) do update set look_at = excluded.look_at where w.look_at > excluded.look_at
$$;

-- True while there is an alert.
create function graph.judge_model_gate(of_kind text, subject uuid) returns boolean
language plpgsql
as $$
declare
    alert constant uuid := md5(concat_ws('|', 'gate', of_kind, subject))::uuid;
    f constant graph.known_facts := graph.facts_of_kind(of_kind, subject, null);
    asset graph.minimum_known;
    now_missing text[];
    named text;
    changes jsonb;
begin
    select k.* into asset from graph.minimum_known k where k.kind = of_kind and k.subject_uuid = subject;
    now_missing := (select s.missing_mandatory from graph.minimum_score(of_kind, asset.known, asset.inferred) s);
    if asset.kind is null or now_missing = '{}'
        or not graph.has_gate(of_kind, asset.known | f.told, asset.inferred) then
        perform graph.resolve_alert(alert);
        return false;
    end if;
    named := asset.name || coalesce('@' || asset.version, '');
    changes := graph.gate_changes(now_missing);
    if exists (select from graph.alerts a
               where a.alert_id = alert and a.status <> 'resolved' and a.detail -> 'changes' = changes) then
        return true;
    end if;
    perform graph.raise_alert(alert, 'contract', 'warning', case of_kind when 'deployment' then 5 else 4 end::smallint, asset.asset_uuid, null,
        format('%s: fell through its gate: %s missing', named, array_to_string(now_missing, ', ')),
        jsonb_strip_nulls(jsonb_build_object('fact', 'gate', 'kind', of_kind, 'version', asset.version, 'changes', changes,
            'owners', (select jsonb_agg(o) from string_to_table(graph.owner_of_kind(of_kind, asset.asset_uuid), ', ') o),
            'sql', format('select * from metaops.gate(%L, %L, %L, %L)', of_kind, asset.namespace, asset.name, asset.version))),
        '[]', graph.last_told(of_kind, asset.asset_uuid), null, false, null);
    return true;
end $$;

-- When something was said last that may have taken something away.
create function graph.last_told(kind text, asset uuid) returns timestamptz
language sql stable
return coalesce(case kind
    when 'deployment' then (select (graph.object_of(d.namespace, d.name)).last_at from graph.deployments d where d.deployment_uuid = asset)
    else (select max(f.at) from graph.model_facts f where f.model_uuid = asset) end, now());

create function graph.try_model_gate(watched graph.model_gates) returns void
language plpgsql
as $$
declare
    is_open constant boolean := graph.judge_model_gate(watched.kind, watched.subject_uuid);
begin
    update graph.model_gates w set look_at = case when is_open then now() + interval '1 minute' else 'infinity' end, failure = null
    where (w.kind, w.subject_uuid) = (watched.kind, watched.subject_uuid);
exception when others then
    if graph.may_go_better(sqlstate) then
        raise;
    end if;
    update graph.model_gates w set look_at = now() + interval '1 hour', failure = left(sqlerrm, 500)
    where (w.kind, w.subject_uuid) = (watched.kind, watched.subject_uuid);
end $$;

-- What is due, for about as long as budget. True: something may be left.
create function graph.judge_model_gates(budget interval) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    until constant timestamptz := clock_timestamp() + budget;
    watched graph.model_gates;
begin
    for watched in
        select * from graph.model_gates w where w.look_at <= now()
        order by w.kind, w.subject_uuid limit 1000 for update skip locked
    loop
        perform graph.try_model_gate(watched);
        if clock_timestamp() > until then
            return true;
        end if;
    end loop;
    return false;
end $$;

-- A tag of a model may be one of each of its versions.
create function graph.watch_tags() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform graph.watch_model_gates('model', array[new.model_uuid]);
    perform graph.watch_model_gates('model_version', array(
        select graph.version_uuid(v.model_uuid, v.version) from graph.model_versions v
        where v.model_uuid = new.model_uuid and new.version in ('', v.version)));
    return null;
end $$;
create trigger model_facts_gone after insert or update on graph.model_facts
for each row when (new.kind = 1 and coalesce(new.value, '') = '') execute function graph.watch_tags();

create function graph.watch_states() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    deployments constant uuid[] := array(
        select d.deployment_uuid
        from added a
        join graph.k8s_objects o using (object_uuid)
        join graph.deployments d on d.namespace = o.namespace and d.name = o.name);
begin
    perform graph.watch_model_gates('deployment', deployments);
    perform graph.watch_served(deployments);
    return null;
end $$;
create trigger k8s_states_added after insert on graph.k8s_states
referencing new table as added for each statement execute function graph.watch_states();

-- Deployments that were told to serve a version.
create function graph.deployments_of(version uuid) returns uuid[]
language sql stable
return array(
    select distinct d.deployment_uuid
    from graph.model_versions v
    join graph.models m using (model_uuid)
    join graph.k8s_states s on s.artifact_uri = v.artifact_uri or (s.model, s.model_version) = (m.name, v.version)
    join graph.k8s_objects o using (object_uuid)
    join graph.deployments d on d.namespace = o.namespace and d.name = o.name
    where graph.version_uuid(v.model_uuid, v.version) = deployments_of.version);

create function graph.watch_neighbours() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if new.subject_kind = 3 then
        perform graph.watch_model_gates('model_version', array(
            select graph.version_uuid(m.model_uuid, t.version)
            from (select distinct v.namespace, v.name, v.version
                  from graph.io_sets i
                  join graph.run_io_sets r using (io_id)
                  join metaops.model_versions v using (run_uuid)
                  where i.dataset_uuid = new.subject_uuid and i.direction = 0) t
            join graph.models m on m.namespace = t.namespace and m.name = t.name));
    else
        perform graph.watch_model_gates('deployment', graph.deployments_of(
            graph.version_uuid(new.subject_uuid, new.detail ->> 'version')));
    end if;
    return null;
end $$;
create trigger alerts_of_gates after insert or update of status on graph.alerts
for each row when (new.kind = 'contract' and new.detail ->> 'fact' = 'gate' and new.subject_kind in (3, 4))
execute function graph.watch_neighbours();

revoke execute on function graph.judge_model_gates(interval), graph.watch_model_gates(text, uuid[]) from public;
insert into graph.role_rights values ('metaops_writer', 'function graph.judge_model_gates(interval)', 'execute');
