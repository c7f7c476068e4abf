-- The gate of one asset, for people and for `metaops gate`: what is asked for, whether it is known, and who said it.

-- A version of a model: name may be NAME@VERSION; without a version its latest is meant.
create function graph.version_id(namespace text, name text, version text) returns uuid
language sql stable
as $$
    select graph.version_uuid(v.model_uuid, v.version)
    from graph.models m
    join graph.model_versions v using (model_uuid)
    where m.namespace = version_id.namespace
        and (m.name = version_id.name and (v.version = version_id.version or version_id.version is null)
            or version_id.version is null and graph.version_name(m.name, v.version) = version_id.name)
    order by m.name = version_id.name desc, v.released_at desc nulls last, v.last_at desc, v.version collate "C" desc
    limit 1
$$;

-- Null: nobody told of it. A run is named by its job and, as version, its id; without one the job's latest is meant.
create function graph.asset_id(kind text, namespace text, name text, version text) returns uuid
language sql stable
return case kind
    when 'dataset' then (select d.dataset_uuid from graph.datasets d
                         where d.name = asset_id.name and d.namespace = asset_id.namespace and d.confirmed)
    when 'job' then (select j.job_uuid from graph.jobs j where j.name = asset_id.name and j.namespace = asset_id.namespace)
    when 'run' then (
        select r.run_uuid
        from graph.jobs j join graph.runs r using (job_uuid)
        where j.name = asset_id.name and j.namespace = asset_id.namespace
            and case when asset_id.version is null then r.run_uuid = (select l.run_uuid from graph.last_run(j.job_uuid) l)
                else coalesce(r.run_id, r.run_uuid::text) = asset_id.version end)
    when 'model' then (select m.model_uuid from graph.models m where m.namespace = asset_id.namespace and m.name = asset_id.name)
    when 'model_version' then graph.version_id(namespace, name, version)
    when 'deployment' then (select d.deployment_uuid from graph.deployments d
                            where d.namespace = asset_id.namespace and d.name = asset_id.name)
    when 'inference_stream' then (
        select w.stream_uuid from graph.watched_streams w
        where w.namespace = asset_id.namespace
            and concat_ws('/', w.deployment, nullif(w.endpoint, ''), w.model) = asset_id.name
        order by w.stream_uuid limit 1) end;

-- Did anybody tell of this version: of a dataset, job or model, of one that is served, or that answered?
create function graph.is_version(kind text, subject uuid, version text) returns boolean
language sql stable
return case kind
    when 'job' then exists (
        select from graph.statements s
        join graph.descriptions d on d.description_id = s.job_description and d.name = 'sourceCodeLocation'
        join graph.facets c using (digest)
        where s.job_uuid = subject and is_version.version in (c.content ->> 'version', c.content ->> 'tag'))
    when 'model' then exists (select from graph.model_versions v where v.model_uuid = subject and v.version = is_version.version)
    when 'deployment' then exists (
        select from graph.deployments d cross join lateral graph.versions_served(d.namespace, d.name) v
        where d.deployment_uuid = subject and v.is_now and v.version = is_version.version)
    when 'inference_stream' then exists (
        select from graph.inference_versions v where v.stream_uuid = subject and v.version = is_version.version)
    else exists (
            select from graph.statement_facets f join graph.facets c using (digest)
            where f.subject_uuid = subject and f.name = 'version' and c.content ->> 'datasetVersion' = is_version.version)
        or exists (select from graph.versions_of(subject) v where v.version::text = is_version.version) end;

-- The facts of a kind by which its version is known.
create function graph.version_facts(kind text) returns bigint
language sql stable
return (select bit_or(f.facts) from graph.minimum_fields f
        where f.kind = version_facts.kind
            and f.field = case version_facts.kind when 'job' then 'code' when 'deployment' then 'model_version'
                when 'inference_stream' then 'model_version' else 'version' end);

-- An asset with what is known of it; of a version that nobody told of, that is missing.
create function graph.gated_asset(kind text, namespace text, name text, version text)
returns table (asset_kind text, subject_uuid uuid, owner_uuid uuid, known bigint, inferred bigint, declared bigint)
language sql stable
begin atomic
    select k.kind, k.subject_uuid, k.asset_uuid, k.known & v.known, k.inferred & v.known, k.declared
    from graph.minimum_known k
    cross join lateral (
        select case when k.kind in ('run', 'model_version') or gated_asset.version is null
                or graph.is_version(k.kind, k.subject_uuid, gated_asset.version) then ~0::bigint
            else ~graph.version_facts(k.kind) end as known
    ) v
    where k.kind = gated_asset.kind
        and k.subject_uuid = graph.asset_id(gated_asset.kind, gated_asset.namespace, gated_asset.name, gated_asset.version);
end;

create function metaops.gate(kind text, namespace text, name text, version text default null)
returns table (field text, is_mandatory boolean, sub_score text, state text, event_id uuid, event_time timestamptz,
               producer text, principal text, known_by text, supplied_by text)
language sql stable
begin atomic
    with asset as materialized (
        select * from graph.gated_asset(gate.kind, gate.namespace, gate.name, gate.version)
    ), sayings as materialized (
        select s.*
        from asset a
        cross join lateral graph.fact_sayings(a.subject_uuid, case a.asset_kind when 'dataset' then 3 when 'job' then 2 end::smallint,
                                              'infinity') s
        where s.how < 3
    )
    select f.field, f.is_mandatory, f.sub_score,
        case when f.facts & a.known = f.facts then case when s.how = 2 or f.facts & a.declared <> 0 then 'declared' else 'observed' end
            when f.facts & (a.known | a.inferred) = f.facts then 'inferred' else 'missing' end,
        e.event_id, e.event_time, t.producer, e.principal, f.known_by, f.supplied_by
    from asset a
    join graph.minimum_fields f on f.kind = a.asset_kind and (f.applies = 0 or f.applies & (a.known | a.inferred) <> 0)
    left join lateral (
        select s.how, s.last_at, s.last_by
        from sayings s
        where s.facts & f.facts <> 0
        order by s.last_at desc, s.last_by desc limit 1
    ) s on f.facts & a.known = f.facts
    left join graph.events e on e.event_id = s.last_by and e.event_time = s.last_at
    left join graph.statements t using (statement_id)
    order by f.ordinal;
end;
comment on function metaops.gate is
    'What is asked for of one dataset, job, run (namespace and name of its job; version: its id, else the latest), model, model_version (version, else the latest), deployment or inference_stream (DEPLOYMENT/ENDPOINT/MODEL), whether it is observed, declared, inferred or missing, and for datasets and jobs who said it last. No row: nobody told of it.';

-- Falling through a gate -----------------------------------------------------------------------------------------

-- A dataset or job of which everything mandatory was told once, and something no longer holds: an owner who was taken away, a
-- tag that is gone. What never passed falls through nothing; metaops.minimum_metadata has it. Only what is contested can fall:
-- it is judged in the transaction of the event that tells something new of it, and again every minute by the alerter,
-- as what was said before may be true again.
create table graph.gate_watch (
    subject_uuid uuid primary key,
    look_at timestamptz not null,
    failure text
);
create index gate_watch_due on graph.gate_watch (look_at);
comment on table graph.gate_watch is 'Datasets and jobs of which something mandatory was told and may hold no more.';
comment on column graph.gate_watch.subject_uuid is 'Dataset or job.';
comment on column graph.gate_watch.look_at is 'When it is judged again.';
comment on column graph.gate_watch.failure is 'Why the last judgement could not be made: null when it was.';

create function graph.gate_changes(fields text[]) returns jsonb
language sql immutable parallel safe
return (select jsonb_agg(jsonb_build_object('change', 'removed', 'what', 'minimum metadata', 'value', f) order by n)
        from unnest(fields) with ordinality x (f, n));

create function graph.judge_gate(subject graph.asset_facts) returns void
language plpgsql
as $$
declare
    alert constant uuid := md5('gate|' || subject.subject_uuid)::uuid;
    asset graph.minimum_known;
    now_missing text[];
    changes jsonb;
begin
    select k.* into asset from graph.minimum_known k
    where k.kind = case subject.subject_kind when 3 then 'dataset' else 'job' end and k.subject_uuid = subject.subject_uuid;
    now_missing := (select s.missing_mandatory from graph.minimum_score(asset.kind, asset.known, asset.inferred) s);
    if now_missing = '{}' or not (
            select s.gate
            from graph.minimum_score(asset.kind, asset.known | subject.observed | subject.declared,
                                     asset.inferred | subject.inferred) s) then
        perform graph.resolve_alert(alert);
        return;
    end if;
    changes := graph.gate_changes(now_missing);
    if exists (select from graph.alerts a
               where a.alert_id = alert and a.status <> 'resolved' and a.detail -> 'changes' = changes) then
        return; -- nothing new about it
    end if;
    perform graph.raise_alert(alert, 'contract', 'warning', subject.subject_kind, subject.subject_uuid, null,
        format('%s: fell through its gate: %s missing', asset.name, array_to_string(now_missing, ', ')),
        jsonb_strip_nulls(jsonb_build_object('fact', 'gate', 'changes', changes,
            'owners', (select o.owners from graph.owners_of(array[subject.subject_uuid]) o),
            'sql', format('select * from metaops.gate(%L, %L, %L)', asset.kind, asset.namespace, asset.name))),
        case subject.subject_kind when 3 then graph.drift_downstream(subject.subject_uuid, null) else '[]' end,
        (select max(s.last_at) from graph.fact_sayings(subject.subject_uuid, subject.subject_kind, 'infinity') s),
        null, false, null);
end $$;

-- What cannot be judged is noted, and stops no event.
create function graph.try_gate(subject graph.asset_facts) returns void
language plpgsql
as $$
begin
    perform graph.judge_gate(subject);
    update graph.gate_watch w set look_at = now() + interval '1 minute', failure = null where w.subject_uuid = subject.subject_uuid;
exception when others then
    if graph.may_go_better(sqlstate) then
        raise;
    end if;
    update graph.gate_watch w set look_at = now() + interval '1 hour', failure = left(sqlerrm, 500)
    where w.subject_uuid = subject.subject_uuid;
end $$;

create function graph.watch_gate() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into graph.gate_watch (subject_uuid, look_at) values (new.subject_uuid, now() + interval '1 minute')
    on conflict do nothing;
    perform graph.try_gate(new);
    return null;
end $$;
-- Mandatory, and told by facets that can be taken back.
create trigger asset_facts_contested after insert or update on graph.asset_facts
for each row when (((new.observed | new.declared) & new.contested & ~new.lasting & case new.subject_kind
        when 3 then (1 << 1) | (1 << 4) | (1 << 6) | (1 << 10) | (1 << 15)
        else (1 << 3) | (1 << 6) | (1 << 13) end) <> 0)
execute function graph.watch_gate();

-- What is to be looked at again, for about as long as budget. True: something may be left.
create function graph.judge_due_gates(budget interval) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    until constant timestamptz := clock_timestamp() + budget;
    subject graph.asset_facts;
begin
    for subject in
        select a.*
        from (select w.subject_uuid from graph.gate_watch w where w.look_at <= now()
              order by w.look_at limit 1000 for update skip locked) w
        join graph.asset_facts a using (subject_uuid)
        order by a.subject_uuid
    loop
        perform graph.try_gate(subject);
        if clock_timestamp() > until then
            return true;
        end if;
    end loop;
    return false;
end $$;
revoke execute on function graph.judge_due_gates(interval) from public;
insert into graph.role_rights values ('metaops_writer', 'function graph.judge_due_gates(interval)', 'execute');
