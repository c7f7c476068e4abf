-- What it takes to make a version of a model again, as far as events tell.

-- The facets of a run and of its job, as the run's own events have them: of each name the latest.
create function graph.facets_of_run(run uuid)
returns table (facet text, content jsonb)
language sql stable
begin atomic
    select distinct on (f.name) f.name, c.content
    from (select l.name, graph.slot_digest(e.facet_digests, l.slot) as digest, e.event_time, e.event_id
          from graph.events e
          join graph.statements s on s.statement_id = e.statement_id
          join graph.layouts l on l.layout_id = s.layout_id and l.subject_kind = 1
          where e.run_uuid = facets_of_run.run
          union all
          select sf.name, sf.digest, e.event_time, e.event_id
          from graph.events e
          join graph.statement_facets sf on sf.statement_id = e.statement_id and sf.subject_kind = 2
          where e.run_uuid = facets_of_run.run) f
    join graph.facet_contents c using (digest)
    where not c.deleted
    order by f.name, f.event_time desc, f.event_id desc, f.digest desc;
end;
comment on function graph.facets_of_run is 'Facets of a run and of its job, the latest of each name that its events bring.';

-- Of an object each member, of a list what has a key, as in OpenLineage's executionParameters.
create function graph.parameters_of(told jsonb) returns table (key text, value text)
language sql immutable parallel safe
as $$
    select key, value #>> '{}' from jsonb_each(case jsonb_typeof(told) when 'object' then told else '{}' end)
    union all
    select element ->> 'key', element ->> 'value'
    from jsonb_array_elements(case jsonb_typeof(told) when 'array' then told else '[]' end) element
    where element ->> 'key' <> ''
$$;
comment on function graph.parameters_of is 'Parameters of a facet, told as an object or as a list of keys and values.';

create function metaops.reproduce(namespace text, model text, version text)
returns table (what text, name text, value text, source text, missing boolean)
language sql stable
as $$
    with recursive made as materialized (
        select v.run_uuid, v.run_source from metaops.model_versions v
        where (v.namespace, v.name, v.version) = (reproduce.namespace, reproduce.model, reproduce.version)
    ), said as materialized (
        select f.facet, f.content from made m cross join lateral graph.facets_of_run(m.run_uuid) f
    ), tags as (
        select lower(t.tag ->> 'key') as key, t.tag ->> 'value' as value
        from said s cross join lateral jsonb_path_query(s.content, 'lax $.tags[*]') t (tag)
        where s.facet = 'tags'
    ), parents as (
        select r.parent_uuid as run_uuid, 1 as distance from made m join graph.runs r using (run_uuid) where r.parent_uuid is not null
        union
        select r.parent_uuid, p.distance + 1 from parents p join graph.runs r using (run_uuid)
        where r.parent_uuid is not null and p.distance < 20
    ), known (place, what, name, value, source) as (
        select 1, 'run', graph.run_name(r.run_id, m.run_uuid), j.namespace || '/' || j.name, m.run_source
        from made m left join graph.runs r using (run_uuid) left join graph.jobs j using (job_uuid)
        where m.run_uuid is not null
        union all
        select 2, 'parent run', graph.run_name(r.run_id, r.run_uuid), j.namespace || '/' || j.name, 'observed'
        from parents p join graph.runs r using (run_uuid) left join graph.jobs j using (job_uuid)
        union all
        select 3, 'code commit', coalesce(s.content ->> 'repoUrl', s.content ->> 'url'), s.content ->> 'version', s.facet
        from said s where s.facet = 'sourceCodeLocation' and s.content ->> 'version' <> ''
        union all
        select 4, 'image', t.key, t.value, 'tags' from tags t where t.key in ('image', 'image_digest')
        union all
        select distinct 4, 'image', o.namespace || '/' || o.name, i.image, graph.joined_by(s.annotations, s.labels)
        from made m
        cross join lateral (select k.mark from graph.run_marks k where k.run_uuid = m.run_uuid union select m.run_uuid) k
        join graph.k8s_states s on s.run_mark = k.mark
        join graph.k8s_objects o using (object_uuid)
        cross join lateral jsonb_array_elements_text(s.images) i (image)
        union all
        select 5, 'packages', p.key, p.value #>> '{}', s.facet
        from said s cross join lateral jsonb_each(
            case when jsonb_typeof(s.content -> 'packages') = 'object' then s.content -> 'packages' else '{}' end) p
        union all
        select 6, 'engine', s.content ->> 'name', s.content ->> 'version', s.facet
        from said s where s.facet = 'processing_engine' and s.content ->> 'version' <> ''
        union all
        select 7, 'parameters', p.key, p.value, s.facet
        from said s cross join lateral graph.parameters_of(case
            when s.facet = 'spark_properties' then s.content -> 'properties'
            when s.facet in ('airflow', 'airflowDagRun') then s.content #> '{dagRun,conf}'
            else s.content -> 'parameters' end) p
        union all
        select 8, 'environment', p.key, p.value, s.facet
        from said s cross join lateral graph.parameters_of(s.content -> s.facet) p
        where s.facet = 'environment-properties'
        union all
        select 8, 'environment', v.variable ->> 'name', v.variable ->> 'value', s.facet
        from said s cross join lateral jsonb_path_query(s.content, 'lax $.environmentVariables[*]') v (variable)
        where s.facet = 'environmentVariables'
    ), inputs as (
        select distinct d.dataset_uuid, d.namespace || '/' || d.name as name
        from made m
        join graph.run_io_sets ri using (run_uuid)
        join graph.io_sets i on i.io_id = ri.io_id and i.direction = 0
        join graph.datasets d on d.dataset_uuid = i.dataset_uuid
    ), versioned as (
        select i.name, (select c.content ->> 'datasetVersion'
                        from made m
                        join graph.events e using (run_uuid)
                        join graph.statement_facets f on f.statement_id = e.statement_id and f.subject_kind = 3
                            and f.subject_uuid = i.dataset_uuid and f.name = 'version'
                        join graph.facet_contents c on c.digest = f.digest
                        order by e.event_time desc, e.event_id desc limit 1) as version
        from inputs i
    ), answer (place, what, name, value, source, missing) as (
        select k.place, k.what, k.name, k.value, k.source, false from known k
        union all
        select 9, 'input', v.name, v.version, case when v.version is not null then 'version' end, v.version is null from versioned v
        union all
        select w.place, w.what, null, null, null, true
        from (values (1, 'run'), (3, 'code commit'), (4, 'image'), (5, 'packages'), (6, 'engine'), (7, 'parameters'),
                     (8, 'environment')) w (place, what)
        where not exists (select from known k where k.what = w.what)
        union all
        select 9, 'input', null, null, null, true where not exists (select from inputs)
    )
    select a.what, a.name, a.value, a.source, a.missing
    from answer a
    where exists (select from made)
    order by a.place, a.name collate "C", a.value collate "C"
$$;
comment on function metaops.reproduce(text, text, text) is
    'What made a version of a model: its run and the runs above it, code commit, image, packages, engine, parameters, environment, inputs with their versions. missing: nobody told it. No row: no such version.';

create function metaops.reproduce(model text, version text)
returns table (namespace text, what text, name text, value text, source text, missing boolean)
language sql stable
as $$
    select m.namespace, r.*
    from metaops.models m
    cross join lateral metaops.reproduce(m.namespace, m.name, reproduce.version) r
    where m.name = reproduce.model
$$;
comment on function metaops.reproduce(text, text) is 'The same for the models of that name in every namespace.';
