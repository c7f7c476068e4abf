-- Bills of materials of versions of models, in the words of SPDX 3.0.1 and of CycloneDX 1.6.
--
-- First what the graph knows of a version is put together (graph.bom_facts), then it is written in either language. What
-- nobody told is left out, never guessed: a document may then lack what its standard asks for, which `metaops aibom` reports.
-- The same graph gives the same bytes: identifiers are digests of names, times are those of the graph.

-- Both standards want UTC without fractions.
create function graph.bom_time(at timestamptz) returns text
language sql stable strict parallel safe
return to_char(date_trunc('second', at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');

-- A time that people wrote; null when it is none.
create function graph.bom_told_time(told text) returns text
language plpgsql stable strict
as $$
begin
    return case when told ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}' and isfinite(told::timestamptz) then graph.bom_time(told::timestamptz) end;
exception when data_exception then
    return null;
end $$;

-- What no address may hold is written as %XX.
create function graph.bom_address(text text) returns text
language sql immutable strict parallel safe
return (select coalesce(regexp_replace(string_agg(
            case when c ~ '[A-Za-z0-9._~:/?#@!$&''()*+,;=%-]' then c
                else regexp_replace(upper(encode(convert_to(c, 'UTF8'), 'hex')), '(..)', '%\1', 'g') end, '' order by place),
            '%(?![0-9A-Fa-f]{2})', '%25', 'g'), '')
        from regexp_split_to_table(bom_address.text, '') with ordinality x (c, place));

create function graph.bom_id(variadic parts text[]) returns text
language sql immutable parallel safe
return 'urn:uuid:' || md5(to_jsonb(parts)::text)::uuid;

-- ALGORITHM:HEX as both standards have it; null when it is none of these.
create function graph.bom_digest(digest text) returns jsonb
language sql immutable strict parallel safe
return (select jsonb_build_object('algorithm', a.spdx, 'name', a.cyclonedx, 'value', lower(split_part(digest, ':', 2)))
        from (values ('md5', 'MD5', 32), ('sha1', 'SHA-1', 40), ('sha256', 'SHA-256', 64), ('sha384', 'SHA-384', 96),
                     ('sha512', 'SHA-512', 128)) a (spdx, cyclonedx, digits)
        where lower(split_part(digest, ':', 1)) = a.spdx
            and lower(digest) ~ ('^[a-z0-9]+:[0-9a-f]{' || a.digits || '}$'));

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

-- The output of a run that is a version of a model, as its facet says.
create function graph.artifact_of(run uuid, model text, version text) returns uuid
language sql stable
as $$
    select i.dataset_uuid
    from graph.run_io_sets r
    join graph.io_sets i on i.io_id = r.io_id and i.direction = 1
    join graph.current_facets cf on cf.subject_uuid = i.dataset_uuid and cf.name = 'metaops_model'
    join graph.facet_contents c using (digest)
    where r.run_uuid = run and not c.deleted and c.content ->> 'name' = artifact_of.model
        and c.content ->> 'version' = artifact_of.version
    order by i.dataset_uuid
    limit 1
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
        'licence', graph.dataset_tag(dataset, 'licence', 'license'),
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

-- Everything that a bill tells of a version; null: there is none.
create function graph.bom_facts(namespace text, model text, version text) returns jsonb
language sql stable
as $$
    with subject as materialized (
        select v.*, graph.artifact_of(v.run_uuid, v.name, v.version) as artifact, r.started_at, r.ended_at, r.first_at
        from metaops.model_versions v
        left join graph.runs r using (run_uuid)
        where (v.namespace, v.name, v.version) = (bom_facts.namespace, bom_facts.model, bom_facts.version)
    ), remade as materialized (
        select r.*, row_number() over () as place from metaops.reproduce(bom_facts.namespace, bom_facts.model, bom_facts.version) r
        where not r.missing or r.what = 'input'
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
        'declared', graph.version_tag(s.namespace, s.name, s.version, s.artifact, 'declared_licence', 'declared_license', 'licence', 'license'),
        'concluded', graph.version_tag(s.namespace, s.name, s.version, s.artifact, 'concluded_licence', 'concluded_license'),
        'type', graph.version_tag(s.namespace, s.name, s.version, s.artifact, 'model_type'),
        'domain', graph.version_tag(s.namespace, s.name, s.version, s.artifact, 'domain'),
        'use', graph.version_tag(s.namespace, s.name, s.version, s.artifact, 'intended_use'),
        'limitation', graph.version_tag(s.namespace, s.name, s.version, s.artifact, 'limitation'),
        'at', graph.bom_time(greatest(s.last_seen, s.ended_at)),
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

-- SPDX ------------------------------------------------------------------------------------------------------------------

-- An element without what is null.
create function graph.spdx_element(type text, id text, members jsonb) returns jsonb
language sql immutable parallel safe
return jsonb_strip_nulls(members || jsonb_build_object('type', type, 'spdxId', id, 'creationInfo', '_:creation'));

create function graph.spdx_relation(source text, kind text, target text) returns jsonb
language sql immutable strict parallel safe
return graph.spdx_element('Relationship', graph.bom_id('relation', source, kind, target),
                          jsonb_build_object('from', source, 'relationshipType', kind, 'to', jsonb_build_array(target)));

create function graph.spdx_hashes(digest jsonb) returns jsonb
language sql immutable strict parallel safe
return jsonb_build_array(jsonb_build_object('type', 'Hash', 'algorithm', digest -> 'algorithm', 'hashValue', digest -> 'value'));

create function graph.spdx_entries(entries jsonb) returns jsonb
language sql immutable strict parallel safe
return (select jsonb_agg(e || '{"type": "DictionaryEntry"}' order by place) from jsonb_array_elements(entries) with ordinality x (e, place));

create function graph.spdx_agent_id(name text) returns text
language sql immutable strict parallel safe
return graph.bom_id('agent', name);

create function graph.spdx_licence_id(expression text) returns text
language sql immutable strict parallel safe
return graph.bom_id('licence', expression);

create function graph.bom_list(told jsonb) returns jsonb
language sql immutable strict parallel safe
return jsonb_build_array(told);

create function graph.spdx_model(facts jsonb) returns jsonb
language sql immutable parallel safe
return graph.spdx_element('ai_AIPackage', facts ->> 'id', jsonb_build_object(
    'name', facts ->> 'name', 'software_packageVersion', facts -> 'version', 'software_primaryPurpose', 'model',
    'software_downloadLocation', facts -> 'uri', 'releaseTime', facts -> 'released',
    'suppliedBy', graph.spdx_agent_id(facts ->> 'supplier'), 'verifiedUsing', graph.spdx_hashes(facts -> 'digest'),
    'ai_typeOfModel', graph.bom_list(facts -> 'type'), 'ai_domain', graph.bom_list(facts -> 'domain'),
    'ai_informationAboutApplication', facts -> 'use', 'ai_limitation', facts -> 'limitation'));

create function graph.spdx_dataset(facts jsonb) returns jsonb
language sql immutable parallel safe
return graph.spdx_element('dataset_DatasetPackage', facts ->> 'id', jsonb_build_object(
    'name', concat_ws('/', facts ->> 'namespace', facts ->> 'name'), 'software_packageVersion', facts -> 'version',
    'software_primaryPurpose', 'data', 'software_downloadLocation', facts -> 'uri', 'builtTime', facts -> 'built',
    'releaseTime', facts -> 'released', 'originatedBy', case when facts ? 'owner' then jsonb_build_array(graph.spdx_agent_id(facts ->> 'owner')) end,
    'dataset_datasetType', jsonb_build_array(coalesce(facts ->> 'kind', 'noAssertion')),
    'verifiedUsing', graph.spdx_hashes(facts -> 'digest')));

create function graph.spdx_build(facts jsonb) returns jsonb
language sql immutable parallel safe
return case when facts -> 'run' is not null then graph.spdx_element('build_Build', facts #>> '{run,id}', jsonb_build_object(
    'name', concat_ws('/', facts #>> '{run,namespace}', facts #>> '{run,name}'),
    'build_buildType', 'https://openlineage.io/spec/2-0-2/OpenLineage.json', 'build_buildId', facts #> '{run,run}',
    'build_buildStartTime', facts #> '{run,started}', 'build_buildEndTime', facts #> '{run,ended}',
    'build_configSourceUri', case when facts -> 'code' is not null then jsonb_build_array(facts -> 'code') end,
    'build_parameter', graph.spdx_entries(facts -> 'parameters'), 'build_environment', graph.spdx_entries(facts -> 'images'))) end;

-- Elements in the order in which they are told; equal ones once.
create function graph.spdx_elements(facts jsonb) returns table (element jsonb)
language sql immutable
as $$
    with datasets as (
        select d, place from jsonb_array_elements(facts -> 'datasets') with ordinality x (d, place)
    ), packages as (
        select p, place from jsonb_array_elements(facts -> 'packages') with ordinality x (p, place)
    ), told (chapter, place, element) as (
        select 1, 0, graph.spdx_model(facts)
        union all
        select 2, place, graph.spdx_dataset(d) from datasets
        union all
        select 3, place, graph.spdx_element('software_Package', p ->> 'id', jsonb_build_object(
            'name', p -> 'name', 'software_packageVersion', p -> 'version')) from packages
        union all
        select 4, 0, graph.spdx_build(facts)
        union all
        select 5, place, graph.spdx_element('Agent', graph.spdx_agent_id(name), jsonb_build_object('name', name))
        from (select facts ->> 'supplier', 0 union all select d ->> 'owner', place from datasets) x (name, place)
        where name is not null
        union all
        select 6, place, graph.spdx_element('simplelicensing_LicenseExpression', graph.spdx_licence_id(text),
                                            jsonb_build_object('simplelicensing_licenseExpression', text))
        from (select facts ->> 'declared', -1 union all select facts ->> 'concluded', 0 union all select d ->> 'licence', place from datasets) x (text, place)
        where text is not null
        union all
        select 7, 0, graph.spdx_relation(facts ->> 'id', 'hasDeclaredLicense', graph.spdx_licence_id(facts ->> 'declared'))
        union all
        select 8, 0, graph.spdx_relation(facts ->> 'id', 'hasConcludedLicense', graph.spdx_licence_id(facts ->> 'concluded'))
        union all
        select 9, place, graph.spdx_relation(d ->> 'id', 'hasDeclaredLicense', graph.spdx_licence_id(d ->> 'licence')) from datasets
        union all
        select 10, place, graph.spdx_relation(facts ->> 'id', 'trainedOn', d ->> 'id') from datasets
        union all
        select 11, place, graph.spdx_relation(facts ->> 'id', 'dependsOn', p ->> 'id') from packages
        union all
        select 12, place, graph.spdx_relation(facts #>> '{run,id}', 'hasInput', d ->> 'id') from datasets
        union all
        select 13, 0, graph.spdx_relation(facts #>> '{run,id}', 'hasOutput', facts ->> 'id')
    )
    select t.element
    from (select distinct on (element) * from told where told.element is not null order by element, chapter, place) t
    order by t.chapter, t.place
$$;

create function graph.bom_spdx3(facts jsonb, created text) returns jsonb
language sql immutable strict
as $$
    with told as (
        select jsonb_agg(e.element) as elements, jsonb_agg(e.element -> 'spdxId') as ids from graph.spdx_elements(facts) e
    )
    select jsonb_build_object('@context', 'https://spdx.org/rdf/3.0.1/spdx-context.jsonld', '@graph', jsonb_build_array(
        jsonb_build_object('type', 'CreationInfo', '@id', '_:creation', 'specVersion', '3.0.1', 'created', created,
                           'createdBy', jsonb_build_array(graph.bom_id('metaops', 'agent')),
                           'createdUsing', jsonb_build_array(graph.bom_id('metaops', 'tool'))),
        graph.spdx_element('SoftwareAgent', graph.bom_id('metaops', 'agent'), '{"name": "MetaOps"}'),
        graph.spdx_element('Tool', graph.bom_id('metaops', 'tool'), '{"name": "metaops aibom"}'),
        graph.spdx_element('SpdxDocument', graph.bom_id('document', facts::text, created), jsonb_build_object(
            'profileConformance', '["core", "software", "ai", "dataset", "build", "simpleLicensing"]'::jsonb,
            'rootElement', jsonb_build_array(graph.bom_id('bill', facts::text, created)))),
        graph.spdx_element('software_Sbom', graph.bom_id('bill', facts::text, created), jsonb_build_object(
            'rootElement', jsonb_build_array(facts -> 'id'), 'element', t.ids))) || t.elements)
    from told t
$$;

-- CycloneDX -------------------------------------------------------------------------------------------------------------

create function graph.cyclonedx_licences(declared text, concluded text) returns jsonb
language sql immutable parallel safe
return (select jsonb_agg(jsonb_build_object('license', jsonb_build_object('name', name, 'acknowledgement', how)) order by how)
        from (values (concluded, 'concluded'), (declared, 'declared')) x (name, how) where name is not null);

create function graph.cyclonedx_hashes(digest jsonb) returns jsonb
language sql immutable strict parallel safe
return jsonb_build_array(jsonb_build_object('alg', digest -> 'name', 'content', digest -> 'value'));

create function graph.cyclonedx_refs(parts jsonb) returns jsonb
language sql immutable strict parallel safe
return (select jsonb_agg(jsonb_build_object('ref', p -> 'id') order by place) from jsonb_array_elements(parts) with ordinality x (p, place));

create function graph.cyclonedx_properties(facts jsonb) returns jsonb
language sql immutable parallel safe
return (select jsonb_agg(jsonb_build_object('name', 'metaops:' || name, 'value', value) order by place, name collate "C")
        from (select 1, 'released', facts ->> 'released' where facts ? 'released'
              union all select 1, 'domain', facts ->> 'domain' where facts ? 'domain'
              union all select 2, 'code', facts ->> 'code' where facts ? 'code'
              union all select 3, 'image:' || (i ->> 'key'), i ->> 'value' from jsonb_array_elements(facts -> 'images') i
              union all select 4, 'parameter:' || (p ->> 'key'), p ->> 'value' from jsonb_array_elements(facts -> 'parameters') p) x (place, name, value));

-- Null when nothing is told that belongs on it.
create function graph.cyclonedx_card(facts jsonb) returns jsonb
language sql immutable parallel safe
return nullif(jsonb_strip_nulls(jsonb_build_object(
    'modelParameters', nullif(jsonb_strip_nulls(jsonb_build_object(
        'architectureFamily', facts -> 'type', 'datasets', graph.cyclonedx_refs(facts -> 'datasets'))), '{}'),
    'considerations', nullif(jsonb_strip_nulls(jsonb_build_object(
        'useCases', graph.bom_list(facts -> 'use'), 'technicalLimitations', graph.bom_list(facts -> 'limitation'))), '{}'))), '{}');

create function graph.cyclonedx_model(facts jsonb) returns jsonb
language sql immutable parallel safe
return jsonb_strip_nulls(jsonb_build_object(
    'type', 'machine-learning-model', 'bom-ref', facts -> 'id', 'group', facts -> 'namespace', 'name', facts -> 'name',
    'version', facts -> 'version',
    'supplier', case when facts ? 'supplier' then jsonb_build_object('name', facts -> 'supplier') end,
    'hashes', graph.cyclonedx_hashes(facts -> 'digest'),
    'licenses', graph.cyclonedx_licences(facts ->> 'declared', facts ->> 'concluded'),
    'externalReferences', case when facts ? 'uri' then
        jsonb_build_array(jsonb_build_object('type', 'distribution', 'url', facts -> 'uri')) end,
    'modelCard', graph.cyclonedx_card(facts),
    'properties', graph.cyclonedx_properties(facts)));

create function graph.cyclonedx_dataset(facts jsonb) returns jsonb
language sql immutable parallel safe
return jsonb_strip_nulls(jsonb_build_object(
    'type', 'data', 'bom-ref', facts -> 'id', 'group', facts -> 'namespace', 'name', facts -> 'name', 'version', facts -> 'version',
    'hashes', graph.cyclonedx_hashes(facts -> 'digest'), 'licenses', graph.cyclonedx_licences(facts ->> 'licence', null),
    'data', jsonb_build_array(jsonb_build_object(
        'type', 'dataset',
        'contents', case when facts ? 'uri' then jsonb_build_object('url', facts -> 'uri') end,
        'classification', facts -> 'classification',
        'governance', case when facts ? 'owner' then jsonb_build_object('owners', jsonb_build_array(
            jsonb_build_object('organization', jsonb_build_object('name', facts -> 'owner')))) end))));

-- How it was made: one workflow, the run.
create function graph.cyclonedx_formulation(facts jsonb) returns jsonb
language sql immutable parallel safe
return case when facts ? 'run' then jsonb_build_array(jsonb_build_object('workflows', jsonb_build_array(jsonb_strip_nulls(
    jsonb_build_object(
        'bom-ref', facts #> '{run,id}', 'uid', facts #> '{run,run}', 'taskTypes', '["build"]'::jsonb,
        'name', concat_ws('/', facts #>> '{run,namespace}', facts #>> '{run,name}'),
        'timeStart', facts #> '{run,started}', 'timeEnd', facts #> '{run,ended}',
        'inputs', (select jsonb_agg(jsonb_build_object('resource', r)) from jsonb_array_elements(graph.cyclonedx_refs(facts -> 'datasets')) r),
        'outputs', jsonb_build_array(jsonb_build_object('type', 'artifact', 'resource', jsonb_build_object('ref', facts -> 'id')))))))) end;

create function graph.bom_cyclonedx(facts jsonb, created text) returns jsonb
language sql immutable strict
as $$
    select jsonb_strip_nulls(jsonb_build_object(
        '$schema', 'http://cyclonedx.org/schema/bom-1.6.schema.json', 'bomFormat', 'CycloneDX', 'specVersion', '1.6', 'version', 1,
        'serialNumber', graph.bom_id('bill', facts::text, created),
        'metadata', jsonb_build_object(
            'timestamp', created, 'component', graph.cyclonedx_model(facts),
            'tools', '{"components": [{"type": "application", "name": "metaops"}]}'::jsonb),
        'components', (
            select jsonb_agg(c.component order by c.chapter, c.place)
            from (select 1, place, graph.cyclonedx_dataset(d) from jsonb_array_elements(facts -> 'datasets') with ordinality x (d, place)
                  union all
                  select 2, place, jsonb_strip_nulls(jsonb_build_object(
                      'type', 'library', 'bom-ref', p -> 'id', 'name', p -> 'name', 'version', p -> 'version'))
                  from jsonb_array_elements(facts -> 'packages') with ordinality x (p, place)) c (chapter, place, component)),
        'dependencies', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
            'ref', facts -> 'id',
            'dependsOn', (select jsonb_agg(p -> 'id' order by place) from jsonb_array_elements(facts -> 'packages') with ordinality x (p, place))))),
        'formulation', graph.cyclonedx_formulation(facts)))
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
