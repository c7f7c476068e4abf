-- The gate of one asset, for people and for `metaops gate`: what is asked for, whether it is known, and who said it.

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
                else coalesce(r.run_id, r.run_uuid::text) = asset_id.version end) end;

-- Did anybody tell of this version of a dataset or job?
create function graph.is_version(kind text, subject uuid, version text) returns boolean
language sql stable
return case kind
    when 'job' then exists (
        select from graph.statements s
        join graph.descriptions d on d.description_id = s.job_description and d.name = 'sourceCodeLocation'
        join graph.facets c using (digest)
        where s.job_uuid = subject and is_version.version in (c.content ->> 'version', c.content ->> 'tag'))
    else exists (
            select from graph.statement_facets f join graph.facets c using (digest)
            where f.subject_uuid = subject and f.name = 'version' and c.content ->> 'datasetVersion' = is_version.version)
        or exists (select from graph.versions_of(subject) v where v.version::text = is_version.version) end;

-- An asset with what is known of it; of a version that nobody told of, that is missing.
create function graph.gated_asset(kind text, namespace text, name text, version text)
returns table (asset_kind text, subject_uuid uuid, owner_uuid uuid, known bigint, inferred bigint)
language sql stable
begin atomic
    select k.kind, k.subject_uuid, k.asset_uuid, k.known & v.known, k.inferred & v.known
    from graph.minimum_known k
    cross join lateral (
        select case when k.kind = 'run' or gated_asset.version is null
                or graph.is_version(k.kind, k.subject_uuid, gated_asset.version) then ~0::bigint
            else ~(case k.kind when 'job' then 1 << 13 else 1 << 1 end)::bigint end as known
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
        case when f.facts & a.known = f.facts then case when s.how = 2 then 'declared' else 'observed' end
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
    'What is asked for of one dataset, job or run (namespace and name of its job; version: its id, else the latest), whether it is observed, declared, inferred or missing, and for datasets and jobs who said it last. No row: nobody told of it.';
