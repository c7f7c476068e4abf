-- A bill of materials in the words of CycloneDX 1.6.

-- The standard takes licences by identifier or name, or else one expression alone.
create function graph.cyclonedx_licences(declared jsonb, concluded jsonb) returns jsonb
language sql immutable parallel safe
return (select case
            when count(*) = 1 and min(licence ->> 'form') = 'expression' then jsonb_build_array(jsonb_build_object(
                'expression', min(licence ->> 'text'), 'acknowledgement', min(how)))
            else jsonb_agg(jsonb_build_object('license', jsonb_build_object(
                case licence ->> 'form' when 'id' then 'id' else 'name' end, licence -> 'text', 'acknowledgement', how)) order by how) end
        from (values (concluded, 'concluded'), (declared, 'declared')) x (licence, how) where licence is not null);

create function graph.cyclonedx_hashes(digest jsonb) returns jsonb
language sql immutable strict parallel safe
return jsonb_build_array(jsonb_build_object('alg', digest -> 'name', 'content', digest -> 'value'));

create function graph.cyclonedx_refs(parts jsonb) returns jsonb
language sql immutable strict parallel safe
return (select jsonb_agg(jsonb_build_object('ref', p -> 'id') order by place) from jsonb_array_elements(parts) with ordinality x (p, place));

create function graph.cyclonedx_properties(facts jsonb) returns jsonb
language sql immutable parallel safe
return (select jsonb_agg(jsonb_build_object('name', 'metaops:' || name, 'value', value) order by place, name collate "C")
        from (select 0, 'hidden', graph.bom_hidden_text(facts -> 'hidden') where facts ? 'hidden'
              union all select 1, 'released', facts ->> 'released' where facts ? 'released'
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
    'licenses', graph.cyclonedx_licences(facts -> 'declared', facts -> 'concluded'),
    'externalReferences', case when facts ? 'uri' then
        jsonb_build_array(jsonb_build_object('type', 'distribution', 'url', facts -> 'uri')) end,
    'modelCard', graph.cyclonedx_card(facts),
    'properties', graph.cyclonedx_properties(facts)));

create function graph.cyclonedx_dataset(facts jsonb) returns jsonb
language sql immutable parallel safe
return jsonb_strip_nulls(jsonb_build_object(
    'type', 'data', 'bom-ref', facts -> 'id', 'group', facts -> 'namespace', 'name', facts -> 'name', 'version', facts -> 'version',
    'hashes', graph.cyclonedx_hashes(facts -> 'digest'), 'licenses', graph.cyclonedx_licences(facts -> 'licence', null),
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
        'compositions', case when facts ? 'hidden' then jsonb_build_array(jsonb_build_object(
            'aggregate', 'incomplete', 'assemblies', jsonb_build_array(facts -> 'id'))) end,
        'formulation', graph.cyclonedx_formulation(facts)))
$$;
