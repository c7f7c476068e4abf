-- Minimum metadata of models, their versions, what serves them and its predictions: as that of datasets, jobs and runs (0030),
-- with numbers of facts of their own.
--
-- What is known of them is read from the rows that the sink keeps, which are few beside those of datasets and runs: a claim of a
-- version with its source, tags of a registry and annotations of Kubernetes (declared), what runs, actions and payloads show
-- (observed), what follows from an artifact's address or from another's answers (inferred). Beside what holds now stands what was
-- ever told, so that it can be seen when something is taken away (0049).
--
-- The functions are asked as of a time, by event time: null is now, and then what was told last longer ago than its kind's limit
-- does not count. A past time asks without limits, as of datasets and jobs. Of what has no history of its own (a tag, a claim of
-- a version) it is known since when it was there first and when it was told last; what was taken away and set again between
-- counts throughout.
--
-- Limits: what is told once, and is true for ever (a version, a model's tags) or until it is changed (what a deployment is), has
-- none unless somebody sets one. A stream is what is seen of it, so it has: a week without a payload, and nothing is known of it
-- but its names. A verdict on it has to be no older than an hour before its
-- latest minute with payloads.

insert into graph.minimum_fields (kind, field, ordinal, area, sub_score, is_mandatory, weight, facts, applies, known_by, supplied_by)
select kind, field, row_number() over (partition by kind order by place), area,
    case when area in ('identity', 'operations') then 'auditability' else area end, weight <> 1, weight, facts, applies, known_by,
    supplied_by
from (values
    (1, 'model', 'name', 'identity', 2, (1::bigint << 32), 0::bigint, 'namespace and name', 'every producer'),
    (2, 'model', 'version', 'lineage', 2, (1 << 0), 0, 'a version that a registry, a run or an object names; inferred: only answers name one',
        'MLflow by its webhooks; a training run, by facet metaops_model'),
    (3, 'model', 'owner', 'accountability', 2, (1 << 1), 0, 'tag owner or supplier; inferred: facet ownership of an artifact of it',
        'its owner, in the registry'),
    (4, 'model', 'intended_use', 'accountability', 1, (1 << 2) | (1 << 3), 0, 'tags intended_use and limitation', 'its owner, in the registry'),
    (5, 'model', 'risk_class', 'operations', 1, (1 << 4), 0, 'tag risk_class', 'its owner, in the registry'),
    (1, 'model_version', 'version', 'identity', 2, (1::bigint << 32), 0, 'the version', 'every producer'),
    (2, 'model_version', 'artifact_uri', 'identity', 2, (1 << 0), 0, 'source of the version in the registry; the output of the run that made it; storageUri or modelUri',
        'MLflow, the training run'),
    (3, 'model_version', 'digest', 'identity', 2, (1 << 1), 0, 'digest in facet metaops_model; tag digest', 'the training run'),
    (4, 'model_version', 'run', 'lineage', 2, (1 << 2), 0,
        'a run with output metaops_model; inferred: a run that wrote the artifact, or one that only the registry knows', 'the training run: Airflow, Spark'),
    (5, 'model_version', 'training_data', 'lineage', 2, (1 << 3), 0,
        'inputs of the run that made it, each with facet version; inferred: inputs without', 'Spark with Iceberg and Delta tables'),
    (6, 'model_version', 'test_data', 'lineage', 1, (1 << 4), 0, 'tag test_dataset', 'the training run, in the registry'),
    (7, 'model_version', 'training_gate', 'lineage', 0, (1 << 16), (1 << 3), 'every dataset that it was trained on passes its own gate',
        'owners of these datasets'),
    (8, 'model_version', 'released', 'accountability', 2, (1 << 5), 0, 'when the registry made it; tag released', 'MLflow'),
    (9, 'model_version', 'licences', 'accountability', 2, (1 << 6) | (1 << 7), 0, 'tags declared_licence (or licence) and concluded_licence',
        'its owner, in the registry'),
    (10, 'model_version', 'approver', 'accountability', 1, (1 << 8), 0, 'tag approver', 'who approves it, in the registry'),
    (11, 'model_version', 'framework', 'reproducibility', 2, (1 << 9) | (1 << 10), 0,
        'packages in a facet of the run that made it; libraries that a server names; tags framework and framework_version; inferred: the engine of this run',
        'the training run; metaops poll with poll.mlserver_servers'),
    (12, 'model_version', 'hyperparameters', 'reproducibility', 1, (1 << 11), 0, 'facet executionParameters of the run that made it; tag param.NAME',
        'the training run'),
    (13, 'model_version', 'metric', 'reproducibility', 2, (1 << 12), 0, 'metrics in a facet of the run that made it; tag metric.NAME', 'the training run'),
    (14, 'model_version', 'tensors', 'reproducibility', 2, (1 << 13), 0,
        'requests and answers in a minute in which it alone answered; what a server says that it takes and answers; tag signature; inferred: those of what serves it', 'MLServer, Seldon Core, KServe'),
    (15, 'model_version', 'energy', 'operations', 1, (1 << 14), 0, 'tag energy_consumption', 'the training run, in the registry'),
    (16, 'model_version', 'explainability', 'operations', 1, (1 << 15), 0, 'tag explainability', 'its owner, in the registry'),
    (1, 'deployment', 'object', 'identity', 2, (1 << 0), 0, 'an object of Kubernetes: cluster, namespace, kind, name and uid', 'audit events of Kubernetes'),
    (2, 'deployment', 'generation', 'identity', 2, (1 << 1), 0, 'metadata.generation', 'audit events of Kubernetes'),
    (3, 'deployment', 'model_version', 'lineage', 2, (1 << 2), 0,
        'annotation metaops.io/model-version or artifactVersion; a version in answers, or ready on the server; inferred: the artifact that it loads is that of one version',
        'who deploys it'),
    (4, 'deployment', 'version_gate', 'lineage', 0, (1 << 10), (1 << 2), 'the version that it serves passes its own gate', 'the owner of this version'),
    (5, 'deployment', 'last_actor', 'accountability', 2, (1 << 3), 0, 'who changed it last, how and when; not anonymous', 'audit events of Kubernetes'),
    (6, 'deployment', 'change_reference', 'accountability', 1, (1 << 4), 0, 'annotation metaops.io/change-reference', 'who deploys it: CI'),
    (7, 'deployment', 'image_digest', 'reproducibility', 2, (1 << 5), 0, 'images with a digest (NAME@sha256:...), its own or those of objects that it owns', 'CI'),
    (8, 'deployment', 'replicas', 'reproducibility', 1, (1 << 6) | (1 << 7), 0, 'spec.replicas, and resources of a container', 'who deploys it'),
    (9, 'deployment', 'ready', 'operations', 2, (1 << 8), 0, 'a watch or a look at the server that says so, or an answer that is no error since it was changed last', 'metaops poll with poll.kubernetes_cluster; MLServer, Seldon Core, KServe: logs of payloads'),
    (10, 'deployment', 'monitor', 'operations', 1, (1 << 9), 0, 'a detector that replies to its predictions; annotation metaops.io/monitors',
        'alibi-detect; who deploys it'),
    (1, 'inference_stream', 'endpoint', 'identity', 2, (1 << 0), 0, 'endpoint, topic or pipeline; inferred: deployment and model name it', 'MLServer, Seldon Core, KServe'),
    (2, 'inference_stream', 'protocol', 'identity', 2, (1 << 1), 0, 'tensors of the Open Inference Protocol; inferred: the door that took it', 'MLServer, Seldon Core, KServe'),
    (3, 'inference_stream', 'deployment', 'lineage', 2, (1 << 2), 0, 'an object of Kubernetes that names a model; inferred: only payloads name it', 'audit events of Kubernetes'),
    (4, 'inference_stream', 'features', 'lineage', 1, (1 << 3), 0, 'annotation metaops.io/dataset of the deployment', 'who deploys it'),
    (5, 'inference_stream', 'purpose', 'accountability', 1, (1 << 4) | (1 << 5), 0,
        'annotations metaops.io/purpose and metaops.io/payload-retention of the deployment', 'who deploys it'),
    (6, 'inference_stream', 'model_version', 'reproducibility', 2, (1 << 6), 0, 'a version in answers', 'MLServer, Seldon Core'),
    (7, 'inference_stream', 'tensors', 'reproducibility', 2, (1 << 7), 0, 'names, types and shapes in requests and in answers, or as the server says them', 'MLServer, Seldon Core, KServe'),
    (8, 'inference_stream', 'counts', 'operations', 2, (1 << 8), 0, 'requests, answers and errors by the minute', 'MLServer, Seldon Core, KServe'),
    (9, 'inference_stream', 'latency', 'operations', 2, (1 << 9), 0, 'a request and its answer with times', 'MLServer, Seldon Core, KServe'),
    (10, 'inference_stream', 'drift_evaluation', 'operations', 1, (1 << 10), 0,
        'a verdict of a detector, no longer before its latest minute with payloads than the limit of drift_evaluation (60 minutes)', 'alibi-detect')
) f (place, kind, field, area, weight, facts, applies, known_by, supplied_by);

insert into graph.minimum_limits values
    ('model', null), ('model_version', null), ('deployment', null), ('inference_stream', '7 days'), ('drift_evaluation', '60 minutes');

-- What is older does not count, asked as of then.
create function graph.fresh_since(kind text, as_of timestamptz) returns timestamptz
language sql stable
return case when as_of is null
    then coalesce(now() - (select l.fresh_for from graph.minimum_limits l where l.kind = fresh_since.kind), '-infinity')
    else '-infinity' end;

create table graph.minimum_tags (
    kind text not null,
    tag text not null,
    facts bigint not null,
    of_model boolean not null default false,
    primary key (kind, tag)
);
comment on table graph.minimum_tags is 'Tags of models and annotations of deployments that tell facts (graph.minimum_fields).';
comment on column graph.minimum_tags.kind is 'Of which kind the facts are.';
comment on column graph.minimum_tags.tag is 'The tag in lower case; what ends with a point stands for all that begin so.';
comment on column graph.minimum_tags.facts is 'What it tells.';
comment on column graph.minimum_tags.of_model is 'As a tag of a model it holds for each of its versions.';
insert into graph.minimum_tags (kind, tag, facts, of_model) values
    ('model', 'owner', 1 << 1, false), ('model', 'supplier', 1 << 1, false), ('model', 'intended_use', 1 << 2, false), ('model', 'limitation', 1 << 3, false),
    ('model', 'risk_class', 1 << 4, false),
    ('model_version', 'digest', 1 << 1, false), ('model_version', 'test_dataset', 1 << 4, false), ('model_version', 'released', 1 << 5, false),
    ('model_version', 'release_time', 1 << 5, false), ('model_version', 'licence', 1 << 6, true), ('model_version', 'license', 1 << 6, true),
    ('model_version', 'declared_licence', 1 << 6, true), ('model_version', 'declared_license', 1 << 6, true),
    ('model_version', 'concluded_licence', 1 << 7, true), ('model_version', 'concluded_license', 1 << 7, true),
    ('model_version', 'approver', 1 << 8, false), ('model_version', 'framework', 1 << 9, true), ('model_version', 'framework_version', 1 << 10, false),
    ('model_version', 'param.', 1 << 11, false), ('model_version', 'metric.', 1 << 12, false), ('model_version', 'signature', 1 << 13, false),
    ('model_version', 'energy_consumption', 1 << 14, false), ('model_version', 'explainability', 1 << 15, true),
    ('deployment', 'metaops.io/change-reference', 1 << 4, false), ('deployment', 'metaops.io/monitors', 1 << 9, false),
    ('inference_stream', 'metaops.io/dataset', 1 << 3, false), ('inference_stream', 'metaops.io/purpose', 1 << 4, false),
    ('inference_stream', 'metaops.io/payload-retention', 1 << 5, false);

create function graph.tag_facts(kind text, key text, of_model boolean) returns bigint
language sql stable
as $$
    select coalesce(bit_or(t.facts), 0) from graph.minimum_tags t
    where t.kind = tag_facts.kind and (t.of_model or not tag_facts.of_model)
        and (t.tag = lower(key) or right(t.tag, 1) = '.' and starts_with(lower(key), t.tag))
$$;

create type graph.known_facts as (known bigint, declared bigint, inferred bigint, told bigint);
comment on type graph.known_facts is 'What is known of an asset, a bit each.';
comment on column graph.known_facts.known is 'Observed or declared.';
comment on column graph.known_facts.declared is 'Of known what people declared.';
comment on column graph.known_facts.inferred is 'What follows from something else.';
comment on column graph.known_facts.told is 'What was ever known or followed, even if it no longer holds.';

-- With facts that are known so: 1 inferred, 2 declared, 3 observed; null: not at all.
create function graph.with_facts(f graph.known_facts, source integer, facts bigint) returns graph.known_facts
language sql immutable parallel safe
return row((f).known | case when source >= 2 then facts else 0 end, (f).declared | case source when 2 then facts else 0 end,
           (f).inferred | case source when 1 then facts else 0 end,
           (f).told | case when source >= 1 then facts else 0 end)::graph.known_facts;

create function graph.no_facts() returns graph.known_facts
language sql immutable parallel safe
return row(0, 0, 0, 0)::graph.known_facts;

create function graph.source_number(source text) returns integer
language sql immutable strict parallel safe
return array_position(array['inferred', 'declared', 'observed'], source);

create function graph.has_gate(kind text, known bigint, inferred bigint) returns boolean
language sql stable
as $$
    select s.gate from graph.minimum_score(kind, known, inferred) s
$$;

-- What is known of a dataset as of then.
create function graph.dataset_facts(dataset uuid, as_of timestamptz) returns integer[]
language sql stable
return case when as_of is null then graph.facts_now(dataset, 3::smallint)
    else graph.facts_of(dataset, 3::smallint, '-infinity', as_of) end;

-- Does a dataset pass its gate, by what holds or by what was ever told?
create function graph.dataset_gate(dataset uuid, by_told boolean, as_of timestamptz) returns boolean
language plpgsql stable
as $$
declare
    facts constant integer[] := graph.dataset_facts(dataset, as_of);
    told graph.asset_facts;
begin
    if by_told then
        select * into told from graph.asset_facts a where a.subject_uuid = dataset;
    end if;
    return (select graph.has_gate('dataset',
                (facts[1] | facts[2] | coalesce(told.observed | told.declared, 0))::bigint | (1::bigint << 32),
                graph.inferred_facts(facts, graph.alias_facts(dataset), d.namespace) | coalesce(told.inferred, 0))
            from graph.datasets d where d.dataset_uuid = dataset);
end $$;

-- The output of a run that is a version of a model, as its facet says.
create function graph.version_artifact(run uuid, model text, version text) returns uuid
language sql stable
as $$
    select i.dataset_uuid
    from graph.run_io_sets r
    join graph.io_sets i on i.io_id = r.io_id and i.direction = 1
    join graph.current_facets cf on cf.subject_uuid = i.dataset_uuid and cf.name = 'metaops_model'
    join graph.facet_contents c using (digest)
    where r.run_uuid = run and not c.deleted and c.content ->> 'name' = version_artifact.model
        and c.content ->> 'version' = version_artifact.version
    order by i.dataset_uuid
    limit 1
$$;

-- What tags of a model or of a version of it tell.
create function graph.tags_told(f graph.known_facts, model uuid, version text, since timestamptz, until timestamptz)
returns graph.known_facts
language sql stable
as $$
    select row((f).known | g.facts, (f).declared | g.facts, (f).inferred, (f).told | g.told)::graph.known_facts
    from (select coalesce(bit_or(k.facts) filter (where (t.value <> '' or t.at > until) and t.first_at <= until and t.at >= since), 0)
              as facts,
              coalesce(bit_or(k.facts), 0) as told
          from graph.model_facts t
          cross join lateral (
              select graph.tag_facts(case when tags_told.version = '' then 'model' else 'model_version' end, t.name,
                                     tags_told.version <> '' and t.version = '') as facts) k
          where t.model_uuid = model and t.kind = 1 and t.version in ('', tags_told.version)) g
$$;

-- Tags of the dataset that is the artifact of a version.
create function graph.artifact_told(f graph.known_facts, artifact uuid, since timestamptz, until timestamptz)
returns graph.known_facts
language sql stable
as $$
    select graph.with_facts(f, 2, coalesce(bit_or(graph.tag_facts('model_version', t.tag ->> 'key', false)), 0))
    from graph.current_facets cf
    join graph.facet_contents c using (digest)
    cross join lateral jsonb_path_query(c.content, 'lax $.tags[*]') t (tag)
    where cf.subject_uuid = artifact and cf.name = 'tags' and not c.deleted and t.tag ->> 'value' <> '' and t.tag ->> 'field' is null
        and cf.last_at >= since and exists (
            select from graph.statement_facets s join graph.statements t using (statement_id)
            where s.subject_uuid = artifact and s.name = 'tags' and s.digest = cf.digest and t.first_at <= until)
$$;

-- What the run tells that made a version, known so: its parameters and engine, packages and metrics in its facets.
create function graph.run_told(f graph.known_facts, run uuid, source integer) returns graph.known_facts
language plpgsql stable
as $$
declare
    of_run constant integer := coalesce((select r.facts from graph.runs r where r.run_uuid = run), 0);
    facets constant bigint := (
        select coalesce(bit_or(
                case when jsonb_typeof(r.content -> 'packages') = 'object' and r.content -> 'packages' <> '{}' then (1 << 9) | (1 << 10) else 0 end
                | case when jsonb_typeof(r.content -> 'metrics') = 'object' and r.content -> 'metrics' <> '{}' then 1 << 12 else 0 end), 0)
        from graph.facets_of_run(run) r);
begin
    f := graph.with_facts(f, source, facets | case when of_run & (1 << 22) <> 0 then 1 << 11 else 0 end);
    return graph.with_facts(f, case when of_run & (1 << 20) <> 0 then 1 end, (1 << 9) | (1 << 10));
end $$;

-- What the run read that made a version: datasets, each with a version or not, and whether all pass their gates.
create function graph.training_told(f graph.known_facts, run uuid, source integer, as_of timestamptz) returns graph.known_facts
language plpgsql stable
as $$
declare
    datasets constant uuid[] := array(
        select distinct i.dataset_uuid from graph.run_io_sets r join graph.io_sets i on i.io_id = r.io_id and i.direction = 0
        where r.run_uuid = run);
    versioned constant integer := (
        select count(distinct v.subject_uuid)
        from graph.events e
        join graph.statement_facets v on v.statement_id = e.statement_id and v.subject_kind = 3 and v.name = 'version'
        where e.run_uuid = run and v.subject_uuid = any (datasets));
begin
    if datasets = '{}' then
        return f;
    end if;
    f := graph.with_facts(f, case when versioned = cardinality(datasets) then source else 1 end, 1 << 3);
    if (select bool_and(graph.dataset_gate(d, false, as_of)) from unnest(datasets) d) then
        f := graph.with_facts(f, 3, 1 << 16);
    elsif (select bool_and(graph.dataset_gate(d, true, as_of)) from unnest(datasets) d) then
        f.told := f.told | (1 << 16);
    end if;
    return f;
end $$;

-- Streams whose predictions are those of a version, or may be: of its model, and of what was told to load its artifact.
create function graph.streams_of_version(model uuid, artifact_uri text) returns setof graph.inference_streams
language sql stable
as $$
    select s.* from graph.inference_streams s where s.model_uuid = model
    union
    select s.*
    from graph.k8s_states k
    join graph.k8s_objects o using (object_uuid)
    join graph.deployments d on d.namespace = o.namespace and d.name = o.name
    join graph.inference_streams s using (deployment_uuid)
    where k.artifact_uri = streams_of_version.artifact_uri
$$;

-- Tensors of requests and of answers: of a version alone (3), or of what serves it (1).
create function graph.tensors_source(model uuid, version text, artifact_uri text, since timestamptz, until timestamptz)
returns integer
language sql stable
as $$
    select max(case when t.answered = array[tensors_source.version] then 3 else 1 end)
    from graph.streams_of_version(model, artifact_uri) s
    cross join lateral (
        select array(select v.version from graph.inference_versions v
                     where v.stream_uuid = s.stream_uuid and v.window_start = t.window_start) as answered
        from graph.inference_tensors t
        where t.stream_uuid = s.stream_uuid and t.window_start >= since and t.window_start <= until
        group by t.window_start
        having count(distinct t.direction) = 2
        order by t.window_start desc limit 100) t
$$;

create function graph.facts_of_model(model uuid, as_of timestamptz) returns graph.known_facts
language plpgsql stable
as $$
declare
    since constant timestamptz := graph.fresh_since('model', as_of);
    until constant timestamptz := coalesce(as_of, 'infinity');
    f graph.known_facts := graph.tags_told(graph.no_facts(), model, '', since, until);
begin
    f := graph.with_facts(f, (select max(v.source) from graph.model_versions v
                              where v.model_uuid = model and v.first_at <= until and v.last_at >= since), 1 << 0);
    if (f.known & (1 << 1)) = 0 and exists (
            select from graph.models m
            join graph.model_versions v using (model_uuid)
            cross join lateral graph.version_artifact(v.run_uuid, m.name, v.version) a (artifact)
            cross join lateral graph.dataset_facts(a.artifact, as_of) d (facts)
            where m.model_uuid = model and v.first_at <= until and v.last_at >= since
                and (d.facts[1] | d.facts[2]) & (1 << 6) <> 0) then
        f := graph.with_facts(f, 1, 1 << 1);
    end if;
    return graph.with_facts(f, 3, 1::bigint << 32);
end $$;

-- What is claimed of a version, as of then.
create function graph.claims_told(f graph.known_facts, v graph.model_versions, since timestamptz, until timestamptz)
returns graph.known_facts
language plpgsql immutable parallel safe
as $$
begin
    f := graph.with_facts(f, case when v.artifact_uri_first_at <= until and v.artifact_uri_at >= since then v.artifact_uri_source end, 1 << 0);
    f := graph.with_facts(f, case when v.digest_first_at <= until and v.digest_at >= since then v.digest_source end, 1 << 1);
    f := graph.with_facts(f, case when v.run_first_at <= until and v.run_at >= since then v.run_source
        when v.registry_run_first_at <= until and v.registry_run_at >= since then 1 end, 1 << 2);
    return graph.with_facts(f, case when v.released_at <= until and v.last_at >= since then v.released_source end, 1 << 5);
end $$;

-- The run that made a version, and how it is known: 3 to 1; none as of then: null.
create function graph.run_of_version(model uuid, version text, since timestamptz, until timestamptz, out run uuid, out source integer)
language sql stable
as $$
    select v.run_uuid, graph.source_number(v.run_source)
    from graph.models m
    join metaops.model_versions v on (v.namespace, v.name) = (m.namespace, m.name)
    join graph.runs r on r.run_uuid = v.run_uuid
    where m.model_uuid = model and v.version = run_of_version.version
        and coalesce(r.first_at, r.started_at, r.ended_at) <= until and coalesce(r.ended_at, r.started_at, r.first_at) >= since
$$;

create function graph.facts_of_version(model uuid, version text, as_of timestamptz) returns graph.known_facts
language plpgsql stable
as $$
declare
    since constant timestamptz := graph.fresh_since('model_version', as_of);
    until constant timestamptz := coalesce(as_of, 'infinity');
    f graph.known_facts := graph.tags_told(graph.no_facts(), model, version, since, until);
    v graph.model_versions;
    made record;
    seen record;
begin
    select x.* into v from graph.model_versions x where x.model_uuid = model and x.version = facts_of_version.version;
    select * into made from graph.run_of_version(model, version, since, until);
    f := graph.claims_told(graph.with_facts(f, 3, 1::bigint << 32), v, since, until);
    f := graph.with_facts(f, made.source, 1 << 2);
    f := graph.with_facts(f, graph.tensors_source(model, version, v.artifact_uri, since, until), 1 << 13);
    select * into seen from graph.server_facts(null, model, version, since, until);
    f := graph.with_facts(f, case when seen.has_libraries then 3 end, (1 << 9) | (1 << 10));
    f := graph.with_facts(f, case when seen.has_tensors then 3 end, 1 << 13);
    if made.run is not null then
        f := graph.artifact_told(f, (select graph.version_artifact(made.run, m.name, version) from graph.models m
                                     where m.model_uuid = model), since, until);
        f := graph.run_told(f, made.run, made.source);
        f := graph.training_told(f, made.run, made.source, as_of);
    end if;
    return f;
end $$;

-- The object of Kubernetes that a deployment is, the one that was changed last of those that name a model; as of then, changed
-- last before.
create function graph.object_of(namespace text, deployment text, as_of timestamptz default null) returns graph.k8s_objects
language sql stable
as $$
    select k.*
    from graph.k8s_objects k
    cross join lateral (
        select max(t.at) as at from graph.k8s_states t
        where t.object_uuid = k.object_uuid and t.at <= coalesce(as_of, 'infinity')
        having bool_or(t.model is not null)) t
    where k.namespace = object_of.namespace and k.name = object_of.deployment
    order by case when as_of is null then k.last_at else t.at end desc, k.object_uuid
    limit 1
$$;

-- What annotations told: those that an object has then, and any that it ever had.
create function graph.annotations_told(f graph.known_facts, kind text, object uuid, since timestamptz, until timestamptz)
returns graph.known_facts
language sql stable
as $$
    select row((f).known | g.facts, (f).declared | g.facts, (f).inferred, (f).told | g.told)::graph.known_facts
    from (select coalesce(bit_or(k.facts) filter (where s.place = 1 and s.at >= since), 0) as facts, coalesce(bit_or(k.facts), 0) as told
          from (select s.at, s.annotations,
                    row_number() over (order by s.at desc, coalesce(s.generation, 0) desc, coalesce(s.revision, 0) desc, s.action_uuid desc) as place
                from graph.k8s_states s where s.object_uuid = object and s.is_whole and s.at <= until) s
          cross join lateral jsonb_each_text(s.annotations) a
          cross join lateral (select graph.tag_facts(annotations_told.kind, a.key, false) as facts) k
          where a.value <> '') g
$$;

create function graph.is_known_actor(actor text) returns boolean
language sql immutable parallel safe
return coalesce(actor, '') not in ('', 'system:anonymous');
comment on function graph.is_known_actor is 'Whether somebody was authenticated; a service account is known, too.';

-- Images of an object, or of those that it owns, each with a digest.
create function graph.has_image_digests(state graph.k8s_states, object graph.k8s_objects) returns boolean
language sql stable
as $$
    select coalesce(bool_and(i.image ~ '@[a-z0-9]+:[0-9a-f]+$'), false)
    from (select state.images
          union all
          select s.images from graph.k8s_objects o join graph.k8s_states s using (object_uuid)
          where state.images is null and o.namespace = object.namespace and o.cluster = object.cluster
              and s.owners @> jsonb_build_array(jsonb_build_object('uid', object.uid))) s
    cross join lateral jsonb_array_elements_text(s.images) i (image)
$$;

-- What a state of an object tells of a deployment.
create function graph.state_facts(state graph.k8s_states, has_digests boolean) returns bigint
language sql immutable parallel safe
return case when (state).generation is not null then 1 << 1 else 0 end | case when has_digests then 1 << 5 else 0 end
    | case when (state).replicas is not null then 1 << 6 else 0 end | case when (state).has_resources then 1 << 7 else 0 end;

-- Changes of an object that were made, and by whom.
create function graph.changes_of(object graph.k8s_objects) returns setof graph.actions
language sql stable
as $$
    select a.*
    from graph.actions a
    where a.cluster = object.cluster and a.namespace = object.namespace and a.name = object.name
        and graph.is_resource(a.resource, object.kind) and a.verb in ('create', 'update', 'patch', 'delete')
        and a.stage = 'ResponseComplete' and a.code between 200 and 299 and a.subresource is distinct from 'status'
$$;

-- What an object of Kubernetes tells of a deployment.
create function graph.object_told(f graph.known_facts, object graph.k8s_objects, since timestamptz, until timestamptz)
returns graph.known_facts
language plpgsql stable
as $$
declare
    state graph.k8s_states;
begin
    f := graph.annotations_told(graph.with_facts(f, case when object.kind <> '' then 3 end, 1 << 0), 'deployment', object.object_uuid,
                                since, until);
    select s.* into state from graph.k8s_states s where s.object_uuid = object.object_uuid and s.is_whole and s.at <= until
    order by s.at desc, coalesce(s.generation, 0) desc, coalesce(s.revision, 0) desc, s.action_uuid desc limit 1;
    if state.at >= since then
        f := graph.with_facts(f, 3, graph.state_facts(state, graph.has_image_digests(state, object)));
    end if;
    f := graph.with_facts(f, case when graph.is_known_actor((
        select a.actor from graph.changes_of(object) a where a.event_time between since and until
        order by a.event_time desc, a.action_uuid desc limit 1)) then 3 end, 1 << 3);
    f.told := f.told
        | (select coalesce(bit_or(graph.state_facts(s, graph.has_image_digests(s, object))), 0) from graph.k8s_states s
           where s.object_uuid = object.object_uuid and s.is_whole)
        | case when exists (select from graph.changes_of(object) a where graph.is_known_actor(a.actor)) then 1 << 3 else 0 end;
    return f;
end $$;

-- Versions that a deployment was told to serve, or that its answers named: source as of graph.with_facts; is_now: it still does, as
-- of then; seen_at: when that was seen last.
create function graph.versions_served(namespace text, deployment text, as_of timestamptz default null)
returns table (model_uuid uuid, version text, source integer, is_now boolean, seen_at timestamptz)
language sql stable
as $$
    with told as materialized (
        select s.*, s.served_to is null or s.served_to > coalesce(as_of, 'infinity') as is_now,
            (select max(o.last_at) from graph.k8s_objects o
             where (o.cluster, o.kind, o.namespace, o.name) = (s.cluster, s.kind, s.namespace, s.deployment)) as seen_at
        from metaops.served_versions s
        where s.namespace = versions_served.namespace and s.deployment = versions_served.deployment
            and s.served_from <= coalesce(as_of, 'infinity')
    ), answered as (
        select s.model_uuid, v.version, v.last_at, v.window_start = max(v.window_start) over (partition by s.stream_uuid) as is_now
        from graph.deployments d
        join graph.inference_streams s using (deployment_uuid)
        join graph.inference_versions v using (stream_uuid)
        where d.namespace = versions_served.namespace and d.name = versions_served.deployment
            and v.window_start <= coalesce(as_of, 'infinity')
    )
    select v.model_uuid, v.version, case t.confidence when 'declared' then case when t.version is null then 1 else 2 end else 1 end, t.is_now,
        t.seen_at
    from told t
    join graph.model_versions v on v.artifact_uri = t.artifact_uri
    union all
    select v.model_uuid, v.version, 2, t.is_now, t.seen_at
    from told t
    join graph.models m on m.namespace = t.namespace and m.name = t.model
    join graph.model_versions v on v.model_uuid = m.model_uuid and v.version = t.version
    where v.artifact_uri is distinct from t.artifact_uri
    union all
    select a.model_uuid, a.version, 3, bool_or(a.is_now), max(a.last_at) from answered a group by a.model_uuid, a.version
    union all
    select i.model_uuid, i.version, 3, bool_or(i.until is null or i.until > coalesce(as_of, 'infinity')), max(i.last_seen)
    from graph.deployments d
    cross join lateral (select * from graph.server_intervals i where i.deployment_uuid = d.deployment_uuid offset 0) i
    where d.namespace = versions_served.namespace and d.name = versions_served.deployment and i.model_uuid <> graph.the_server()
        and i.version <> '' and i.state = 'READY' and i.since <= coalesce(as_of, 'infinity')
    group by i.model_uuid, i.version
$$;

-- The versions that a deployment serves, and their gates.
create function graph.served_told(f graph.known_facts, d graph.deployments, as_of timestamptz) returns graph.known_facts
language plpgsql stable
as $$
declare
    since constant timestamptz := graph.fresh_since('deployment', as_of);
    served record;
    of_version graph.known_facts;
begin
    for served in select * from graph.versions_served(d.namespace, d.name, as_of) loop
        f := graph.with_facts(f, case when served.is_now and served.seen_at >= since then served.source end, 1 << 2);
        of_version := graph.facts_of_version(served.model_uuid, served.version, as_of);
        f.told := f.told | (1 << 2);
        if graph.has_gate('model_version', of_version.known, of_version.inferred) then
            f := graph.with_facts(f, case when served.is_now and served.seen_at >= since then 3 end, 1 << 10);
        end if;
        if graph.has_gate('model_version', of_version.told, 0) then
            f.told := f.told | (1 << 10);
        end if;
    end loop;
    return f;
end $$;

-- Did a watch see the object ready last?
create function graph.is_seen_ready(object uuid, since timestamptz, until timestamptz) returns boolean
language sql stable
return coalesce((
    select s.is_ready and not s.is_deleted and s.at >= since
    from graph.k8s_states s
    where s.object_uuid = object and s.is_watched and s.at <= until
    order by s.at desc, coalesce(s.generation, 0) desc, coalesce(s.revision, 0) desc, s.action_uuid desc limit 1), false);

create function graph.facts_of_deployment(deployment uuid, as_of timestamptz) returns graph.known_facts
language plpgsql stable
as $$
declare
    since constant timestamptz := graph.fresh_since('deployment', as_of);
    until constant timestamptz := coalesce(as_of, 'infinity');
    f graph.known_facts := graph.no_facts();
    d constant graph.deployments := (select x from graph.deployments x where x.deployment_uuid = deployment);
    object constant graph.k8s_objects := graph.object_of(d.namespace, d.name, as_of);
begin
    if object.object_uuid is not null then
        f := graph.object_told(f, object, since, until);
    end if;
    f := graph.served_told(f, d, as_of);
    if graph.is_seen_ready(object.object_uuid, since, until) or graph.is_server_ready(deployment, since, until)
       or exists (select from graph.inference_streams s join graph.inference_windows w using (stream_uuid)
               where s.deployment_uuid = deployment and w.answers > w.errors and w.window_start between since and until
                   and w.window_start + interval '1 minute' > coalesce(
                       (select max(t.at) from graph.k8s_states t where t.object_uuid = object.object_uuid and t.at <= as_of),
                       object.last_at, '-infinity')) then
        f := graph.with_facts(f, 3, 1 << 8);
    end if;
    if exists (select from graph.inference_streams s
               join graph.monitor_watches w using (stream_uuid)
               join graph.monitors m using (monitor_uuid)
               where s.deployment_uuid = deployment and m.first_at <= until and m.last_at >= since) then
        f := graph.with_facts(f, 3, 1 << 9);
    end if;
    return f;
end $$;

-- Had a detector judged a stream by then, no longer before its latest minute with payloads than the limit?
create function graph.is_evaluated(stream uuid, until timestamptz) returns boolean
language sql stable
return exists (
    select from graph.minimum_limits l
    cross join (
        select max(w.window_start) as at from graph.inference_windows w where w.stream_uuid = stream and w.window_start <= until) latest
    join graph.monitor_watches m on m.stream_uuid = stream
    join graph.drift_evaluations e on e.monitor_uuid = m.monitor_uuid and e.state in (1, 2)
    where l.kind = 'drift_evaluation' and e.event_time <= until
        and (l.fresh_for is null or latest.at is null or e.event_time >= latest.at - l.fresh_for));

create function graph.facts_of_stream(stream uuid, as_of timestamptz) returns graph.known_facts
language plpgsql stable
as $$
declare
    since constant timestamptz := graph.fresh_since('inference_stream', as_of);
    until constant timestamptz := coalesce(as_of, 'infinity');
    f graph.known_facts := graph.no_facts();
    s constant graph.inference_streams := (select x from graph.inference_streams x where x.stream_uuid = stream);
    object constant graph.k8s_objects := (
        select graph.object_of(d.namespace, d.name, as_of) from graph.deployments d where d.deployment_uuid = s.deployment_uuid);
    directions constant bigint := (
        select count(distinct t.direction) from graph.inference_tensors t
        where t.stream_uuid = stream and t.window_start between since and until);
begin
    if object.object_uuid is not null then
        f := graph.annotations_told(f, 'inference_stream', object.object_uuid, graph.fresh_since('deployment', as_of), until);
    end if;
    f := graph.with_facts(f, case when s.endpoint <> '' then 3 else 1 end, 1 << 0);
    f := graph.with_facts(f, case when directions > 0 then 3 else 1 end, 1 << 1);
    f := graph.with_facts(f, case when object.object_uuid is not null then 3 else 1 end, 1 << 2);
    f := graph.with_facts(f, case when exists (
        select from graph.inference_versions v where v.stream_uuid = stream and v.window_start between since and until) then 3 end, 1 << 6);
    f := graph.with_facts(f, case when directions = 2
        or (select x.has_tensors from graph.server_facts(s.deployment_uuid, s.model_uuid, null, since, until) x) then 3 end, 1 << 7);
    f := graph.with_facts(f, case when exists (
        select from graph.inference_windows w where w.stream_uuid = stream and w.window_start between since and until) then 3 end, 1 << 8);
    f := graph.with_facts(f, case when exists (
        select from graph.inference_pairs p
        where p.stream_uuid = stream and p.answer_at >= p.request_at and p.request_at >= since and p.answer_at <= until) then 3 end, 1 << 9);
    return graph.with_facts(f, case when s.last_at >= since and graph.is_evaluated(stream, until) then 3 end, 1 << 10);
end $$;

-- Versions have no key of one column.
create function graph.version_uuid(model uuid, version text) returns uuid
language sql immutable strict parallel safe
return md5(model || '|' || version)::uuid;
create index model_versions_uuid on graph.model_versions (graph.version_uuid(model_uuid, version));

-- What is known of an asset of one of these kinds, a version of a model by graph.version_uuid, as of then.
create function graph.facts_of_kind(kind text, subject uuid, as_of timestamptz) returns graph.known_facts
language sql stable
return case kind
    when 'model' then graph.facts_of_model(subject, as_of)
    when 'model_version' then (select graph.facts_of_version(v.model_uuid, v.version, as_of) from graph.model_versions v
                               where graph.version_uuid(v.model_uuid, v.version) = subject)
    when 'deployment' then graph.facts_of_deployment(subject, as_of)
    else graph.facts_of_stream(subject, as_of) end;

-- Who answers for a model, or by his deployment: tags or annotation, else the owner of an artifact or model.
create function graph.model_owner(model uuid) returns text
language sql stable
as $$
    select coalesce(
        (select f.value from graph.model_facts f
         where f.model_uuid = model and f.version = '' and f.kind = 1 and f.value <> '' and lower(f.name) in ('owner', 'supplier')
         order by lower(f.name), f.at desc, f.value collate "C" limit 1),
        (select graph.owner_of(graph.version_artifact(v.run_uuid, m.name, v.version))
         from graph.models m join graph.model_versions v using (model_uuid)
         where m.model_uuid = model and v.run_uuid is not null
         order by v.last_at desc, v.version collate "C" desc limit 1))
$$;

create function graph.deployment_owner(deployment uuid) returns text
language sql stable
as $$
    select coalesce(
        (select s.annotations ->> 'metaops.io/owner'
         from graph.deployments d
         cross join lateral graph.object_of(d.namespace, d.name) o
         join graph.k8s_states s on s.object_uuid = o.object_uuid and s.is_whole
         where d.deployment_uuid = deployment
         order by s.at desc, coalesce(s.generation, 0) desc, coalesce(s.revision, 0) desc, s.action_uuid desc limit 1),
        (select min(graph.model_owner(v.model_uuid))
         from graph.deployments d cross join lateral graph.versions_served(d.namespace, d.name) v
         where d.deployment_uuid = deployment and v.is_now))
$$;

create function graph.owner_of_kind(kind text, asset uuid) returns text
language sql stable
return case when kind in ('model', 'model_version') then graph.model_owner(asset)
    when kind in ('deployment', 'inference_stream') then graph.deployment_owner(asset)
    else graph.owner_of(asset) end;
comment on function graph.owner_of_kind is 'Owners of an asset, joined by a comma; null: nobody is named.';

insert into graph.role_rights values ('metaops_reader', 'graph.minimum_tags', 'select');
insert into graph.row_rules (name, is_granted, condition) values ('minimum_tags', true, 'true');
