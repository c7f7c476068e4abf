-- What the graph knows of a version of a model: graph.bom_facts(), and the bill of materials made of it, metaops.aibom().

-- What a tag of a dataset says; of several the first of keys.
create function graph.dataset_tag(dataset uuid, variadic keys text[]) returns text
language sql stable
as $$
    select t.tag ->> 'value'
    from graph.current_facets cf
    join graph.facet_contents c using (digest)
    cross join lateral jsonb_path_query(c.content, 'lax $.tags[*]') t (tag)
    where cf.subject_uuid = dataset and cf.name = 'tags' and not c.deleted and lower(t.tag ->> 'key') = any (keys)
        and t.tag ->> 'field' is null and t.tag ->> 'value' <> ''
    order by array_position(keys, lower(t.tag ->> 'key')), cf.last_at desc, cf.last_by desc, t.tag ->> 'value' collate "C"
    limit 1
$$;

-- The same of a version of a model: its own tags, then those of the model, then those of the dataset that is its artifact.
create function graph.version_tag(namespace text, model text, version text, artifact uuid, variadic keys text[]) returns text
language sql stable
as $$
    select coalesce(
        (select t.value
         from metaops.model_tags t
         where t.namespace = version_tag.namespace and t.name = version_tag.model
            and (t.version = version_tag.version or t.version is null) and lower(t.key) = any (keys) and t.value <> ''
         order by t.version is null, array_position(keys, lower(t.key)), t.value collate "C"
         limit 1),
        graph.dataset_tag(artifact, variadic keys))
$$;

-- When the last run ended that wrote a dataset before it was read.
create function graph.built_before(dataset uuid, read_at timestamptz) returns timestamptz
language sql stable
as $$
    select max(r.ended_at)
    from graph.io_sets i
    join graph.run_io_sets ri using (io_id)
    join graph.runs r using (run_uuid)
    where i.dataset_uuid = dataset and i.direction = 1 and r.state = 2 and r.ended_at <= read_at
$$;

-- One dataset that a run read, at read_at and in that version.
create function graph.bom_dataset(dataset uuid, version text, read_at timestamptz) returns jsonb
language sql stable
as $$
    select jsonb_strip_nulls(jsonb_build_object(
        'id', graph.bom_id('dataset', d.namespace, d.name, coalesce(bom_dataset.version, '')),
        'namespace', d.namespace, 'name', d.name, 'version', nullif(bom_dataset.version, ''),
        'uri', coalesce(graph.bom_address(graph.current_text(dataset, 'dataSource', 'uri')),
                        case when d.namespace ~ '^[a-z][a-z0-9+.-]*:' then graph.bom_address(rtrim(d.namespace, '/') || '/' || ltrim(d.name, '/')) end),
        'owner', graph.owner_of(dataset),
        'built', coalesce(graph.bom_time(graph.built_before(dataset, read_at)),
                          graph.bom_told_time(graph.dataset_tag(dataset, 'built', 'last_updated'))),
        'released', graph.bom_told_time(graph.dataset_tag(dataset, 'released', 'release_time')),
        'licence', graph.bom_licence(graph.dataset_tag(dataset, 'licence', 'license')),
        'classification', graph.dataset_tag(dataset, 'classification', 'confidentiality', 'sensitivity'),
        'digest', graph.bom_digest(graph.dataset_tag(dataset, 'digest')),
        'kind', case when upper(graph.current_text(dataset, 'datasetType', 'datasetType')) in ('TABLE', 'VIEW') then 'structured' end))
    from graph.datasets d
    where d.dataset_uuid = dataset
$$;

create function graph.bom_run(run uuid) returns jsonb
language sql stable
as $$
    select jsonb_strip_nulls(jsonb_build_object(
        'id', graph.bom_id('run', run::text), 'run', graph.run_name(r.run_id, r.run_uuid), 'namespace', j.namespace, 'name', j.name,
        'started', graph.bom_time(r.started_at), 'ended', graph.bom_time(r.ended_at)))
    from graph.runs r
    join graph.jobs j using (job_uuid)
    where r.run_uuid = run
$$;

-- What of a version reader may not see, though he sees the version: run (and all that it read and said), facets (what the run
-- says of itself), inputs (some), artifact.
create function graph.hidden_parts(reader name, namespace text, model text, version text) returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
    mine constant text[] := graph.namespaces_of(reader);
begin
    return array(
        select p.part
        from metaops.model_versions v
        join graph.runs r using (run_uuid)
        left join graph.jobs j using (job_uuid)
        cross join lateral (select coalesce(j.namespace = any (mine), false)) s (sees_run)
        cross join lateral (values
            ('run', not s.sees_run),
            ('facets', s.sees_run and exists (
                select from graph.events e
                join graph.statements st using (statement_id)
                join graph.layouts l on l.layout_id = st.layout_id and l.subject_kind = 1
                where e.run_uuid = v.run_uuid)),
            ('inputs', s.sees_run and exists (
                select from graph.run_io_sets ri
                join graph.io_sets i on i.io_id = ri.io_id and i.direction = 0
                join graph.datasets d using (dataset_uuid)
                where ri.run_uuid = v.run_uuid and d.namespace <> all (mine))),
            ('artifact', exists (
                select from graph.datasets d
                where d.dataset_uuid = graph.version_artifact(v.run_uuid, v.name, v.version) and d.namespace <> all (mine)))) p (part, is_hidden)
        where (v.namespace, v.name, v.version) = (hidden_parts.namespace, hidden_parts.model, hidden_parts.version)
            and v.namespace = any (mine) and p.is_hidden);
end $$;

-- The same for who asks; null: nothing is hidden.
create function graph.bom_hidden(namespace text, model text, version text) returns text[]
language plpgsql stable
as $$
begin
    if graph.is_restricted() then
        return nullif(graph.hidden_parts(current_user, namespace, model, version), '{}');
    end if;
    return null;
end $$;

-- Everything that a bill tells of a version; null: there is none.
create function graph.bom_facts(namespace text, model text, version text) returns jsonb
language sql stable
as $$
    with subject as materialized (
        select v.namespace, v.name, v.version, v.artifact_uri, v.digest, v.released_at, v.last_seen, h.parts as hidden, m.run_uuid,
            graph.version_artifact(m.run_uuid, v.name, v.version) as artifact, r.started_at, r.ended_at, r.first_at
        from metaops.model_versions v
        cross join lateral graph.bom_hidden(v.namespace, v.name, v.version) h (parts)
        -- Another run that wrote to the same place is not taken for one that is hidden.
        left join lateral (select v.run_uuid where 'run' = any (h.parts) is not true) m on true
        left join graph.runs r on r.run_uuid = m.run_uuid
        where (v.namespace, v.name, v.version) = (bom_facts.namespace, bom_facts.model, bom_facts.version)
    ), remade as materialized (
        select r.*, row_number() over () as place
        from subject s
        cross join lateral metaops.reproduce(s.namespace, s.name, s.version) r
        where s.run_uuid is not null and (not r.missing or r.what = 'input')
    ), read as (
        select distinct i.dataset_uuid, r.value as version, d.namespace, d.name
        from subject s
        join graph.run_io_sets ri using (run_uuid)
        join graph.io_sets i on i.io_id = ri.io_id and i.direction = 0
        join graph.datasets d using (dataset_uuid)
        left join remade r on r.what = 'input' and r.name = d.namespace || '/' || d.name
    )
    select jsonb_strip_nulls(jsonb_build_object(
        'id', graph.bom_id('model version', s.namespace, s.name, s.version),
        'namespace', s.namespace, 'name', s.name, 'version', s.version,
        'uri', graph.bom_address(s.artifact_uri), 'digest', graph.bom_digest(s.digest),
        'supplier', coalesce(graph.version_tag(s.namespace, s.name, s.version, s.artifact, 'supplier', 'owner'), graph.owner_of(s.artifact)),
        'released', coalesce(graph.bom_time(s.released_at), graph.bom_told_time(
            graph.version_tag(s.namespace, s.name, s.version, s.artifact, 'released', 'release_time'))),
        'declared', graph.bom_licence(graph.version_tag(
            s.namespace, s.name, s.version, s.artifact, 'declared_licence', 'declared_license', 'licence', 'license')),
        'concluded', graph.bom_licence(graph.version_tag(
            s.namespace, s.name, s.version, s.artifact, 'concluded_licence', 'concluded_license')),
        'type', graph.version_tag(s.namespace, s.name, s.version, s.artifact, 'model_type'),
        'domain', graph.version_tag(s.namespace, s.name, s.version, s.artifact, 'domain'),
        'use', graph.version_tag(s.namespace, s.name, s.version, s.artifact, 'intended_use'),
        'limitation', graph.version_tag(s.namespace, s.name, s.version, s.artifact, 'limitation'),
        'at', graph.bom_time(greatest(s.last_seen, s.ended_at)),
        'hidden', to_jsonb(s.hidden),
        'run', graph.bom_run(s.run_uuid),
        'datasets', (select jsonb_agg(graph.bom_dataset(r.dataset_uuid, r.version, coalesce(s.started_at, s.first_at))
                                      order by r.namespace collate "C", r.name collate "C") from read r),
        'packages', (select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', graph.bom_id('package', p.name, coalesce(p.value, '')),
                                                                           'name', p.name, 'version', nullif(p.value, ''))) order by p.place)
                     from remade p where p.what in ('packages', 'engine') and p.name <> ''),
        'parameters', (select jsonb_agg(jsonb_build_object('key', p.name, 'value', p.value) order by p.place)
                       from remade p where p.what = 'parameters' and p.value is not null),
        'images', (select jsonb_agg(jsonb_build_object('key', p.name, 'value', p.value) order by p.place)
                   from remade p where p.what = 'image'),
        'code', (select graph.bom_address('git+' || p.name || '@' || p.value) from remade p where p.what = 'code commit' and p.name <> '' limit 1)))
    from subject s
$$;

create function metaops.aibom(namespace text, model text, version text, format text default 'spdx3', created timestamptz default null)
returns jsonb
language plpgsql stable
as $$
declare
    facts constant jsonb := graph.bom_facts(namespace, model, version);
    made_at constant text := coalesce(graph.bom_time(created), facts ->> 'at');
begin
    return case format
        when 'spdx3' then graph.bom_spdx3(facts, made_at)
        when 'cyclonedx' then graph.bom_cyclonedx(facts, made_at) end;
end $$;
comment on function metaops.aibom is
    'Bill of materials of a version of a model, format spdx3 or cyclonedx, as far as the graph knows it and the caller may see; created: the time in it, else that of the latest event. Null: nobody told of the version.';
