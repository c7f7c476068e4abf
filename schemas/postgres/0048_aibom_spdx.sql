-- A bill of materials in the words of SPDX 3.0.1.

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

create function graph.spdx_licence_id(licence jsonb) returns text
language sql immutable strict parallel safe
return graph.bom_id('licence', licence ->> 'text');

create function graph.spdx_licence_text_id(licence jsonb) returns text
language sql immutable strict parallel safe
return graph.bom_id('licence text', licence ->> 'text');

-- What is no expression of known identifiers gets an identifier of this document, which leads to the text.
create function graph.spdx_licence(licence jsonb) returns jsonb
language sql immutable strict parallel safe
return graph.spdx_element('simplelicensing_LicenseExpression', graph.spdx_licence_id(licence), case licence ->> 'form'
    when 'named' then jsonb_build_object(
        'simplelicensing_licenseExpression', 'LicenseRef-' || md5(licence ->> 'text'),
        'simplelicensing_customIdToUri', graph.spdx_entries(jsonb_build_array(jsonb_build_object(
            'key', 'LicenseRef-' || md5(licence ->> 'text'), 'value', graph.spdx_licence_text_id(licence)))))
    else jsonb_build_object('simplelicensing_licenseExpression', licence -> 'text') end);

create function graph.spdx_licence_text(licence jsonb) returns jsonb
language sql immutable strict parallel safe
return case licence ->> 'form' when 'named' then graph.spdx_element(
    'simplelicensing_SimpleLicensingText', graph.spdx_licence_text_id(licence),
    jsonb_build_object('simplelicensing_licenseText', licence -> 'text')) end;

-- Inputs are left out that who asked may not see: the list of the others says that it is not all.
create function graph.spdx_unseen(source text, kind text, hidden jsonb) returns jsonb
language sql immutable strict parallel safe
return case when hidden ?| '{run,inputs}' then
    graph.spdx_relation(source, kind, 'https://spdx.org/rdf/3.0.1/terms/Core/NoAssertionElement') || '{"completeness": "incomplete"}' end;

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
        select 6, place, element
        from (select facts -> 'declared', -1 union all select facts -> 'concluded', 0 union all select d -> 'licence', place from datasets) x (l, place)
        cross join lateral (values (graph.spdx_licence(l)), (graph.spdx_licence_text(l))) y (element)
        union all
        select 7, 0, graph.spdx_relation(facts ->> 'id', 'hasDeclaredLicense', graph.spdx_licence_id(facts -> 'declared'))
        union all
        select 8, 0, graph.spdx_relation(facts ->> 'id', 'hasConcludedLicense', graph.spdx_licence_id(facts -> 'concluded'))
        union all
        select 9, place, graph.spdx_relation(d ->> 'id', 'hasDeclaredLicense', graph.spdx_licence_id(d -> 'licence')) from datasets
        union all
        select 10, place, graph.spdx_relation(facts ->> 'id', 'trainedOn', d ->> 'id') from datasets
        union all
        select 11, place, graph.spdx_relation(facts ->> 'id', 'dependsOn', p ->> 'id') from packages
        union all
        select 12, place, graph.spdx_relation(facts #>> '{run,id}', 'hasInput', d ->> 'id') from datasets
        union all
        select 13, 0, graph.spdx_relation(facts #>> '{run,id}', 'hasOutput', facts ->> 'id')
        union all
        select 14, 0, graph.spdx_unseen(facts ->> 'id', 'trainedOn', facts -> 'hidden')
        union all
        select 15, 0, graph.spdx_unseen(facts #>> '{run,id}', 'hasInput', facts -> 'hidden')
    )
    select t.element
    from (select distinct on (element) * from told where told.element is not null order by element, chapter, place) t
    order by t.chapter, t.place
$$;

-- A profile of which something is missing (sinks/aibom_rules.c has the rules) is used and not claimed.
create function graph.spdx_profiles(facts jsonb) returns jsonb
language sql immutable parallel safe
return (select jsonb_agg(p.name order by p.place)
        from (values (1, 'core', true), (2, 'software', true), (3, 'ai', facts ?& '{version,uri,supplier,released,declared,concluded}'),
                     (4, 'dataset', not exists (select from jsonb_array_elements(facts -> 'datasets') d where not d ?& '{uri,owner,built,released}')),
                     (5, 'build', true), (6, 'simpleLicensing', true)) p (place, name, is_met)
        where p.is_met);

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
            'profileConformance', graph.spdx_profiles(facts),
            'rootElement', jsonb_build_array(graph.bom_id('bill', facts::text, created)))),
        graph.spdx_element('software_Sbom', graph.bom_id('bill', facts::text, created), jsonb_build_object(
            'rootElement', jsonb_build_array(facts -> 'id'), 'element', t.ids,
            'comment', graph.bom_hidden_text(facts -> 'hidden')))) || t.elements)
    from told t
$$;
