-- Models, their versions, and what serves them.
--
-- A payload of a prediction alone makes them exist (source inferred); who declares or observes them later raises the
-- source. None has a body to be made anew from: `metaops rebuild` leaves them as they are, but for which run made what is
-- stored where, as only events of runs tell that.

create function graph.source_name(source smallint) returns text
language sql immutable strict parallel safe
return (array['inferred', 'declared', 'observed'])[source];
comment on function graph.source_name is 'How something is known.';

create table graph.models (
    model_uuid uuid primary key,
    namespace text not null,
    name text not null,
    source smallint not null default 1
);
comment on table graph.models is 'Models (view metaops.models).';
comment on column graph.models.model_uuid is 'Version 5 UUID over namespace and name.';
comment on column graph.models.namespace is 'Its namespace; empty where none was named.';
comment on column graph.models.name is 'Its name there.';
comment on column graph.models.source is 'How it is known: 1 inferred, 2 declared, 3 observed; the largest counts.';

create table graph.model_versions (
    model_uuid uuid not null,
    version text not null,
    source smallint not null default 1,
    first_at timestamptz not null,
    last_at timestamptz not null,
    artifact_uri text,
    artifact_uri_source smallint not null default 0,
    artifact_uri_at timestamptz not null default '-infinity',
    digest text,
    digest_source smallint not null default 0,
    digest_at timestamptz not null default '-infinity',
    run_uuid uuid,
    run_source smallint not null default 0,
    run_at timestamptz not null default '-infinity',
    registry_run_id text,
    registry_run_source smallint not null default 0,
    registry_run_at timestamptz not null default '-infinity',
    released_at timestamptz,
    released_source smallint not null default 0,
    artifact_uri_first_at timestamptz,
    digest_first_at timestamptz,
    run_first_at timestamptz,
    registry_run_first_at timestamptz,
    primary key (model_uuid, version)
) with (fillfactor = 90);
create index model_versions_artifact on graph.model_versions (artifact_uri);
create index model_versions_digest on graph.model_versions (digest);
create index model_versions_run on graph.model_versions (run_uuid);
create index model_versions_registry_run on graph.model_versions (registry_run_id);
comment on table graph.model_versions is 'Versions of models (view metaops.model_versions).';
comment on column graph.model_versions.model_uuid is 'The model.';
comment on column graph.model_versions.version is 'As it was named.';
comment on column graph.model_versions.source is 'As that of a model.';
comment on column graph.model_versions.first_at is 'Earliest time of what named it.';
comment on column graph.model_versions.last_at is 'Latest time of what named it.';
comment on column graph.model_versions.artifact_uri is 'Where it is stored, as artifact_uri.h forms it. Of this and each of the following, what is said with the larger source counts, then what is said for a later time, then the greater text.';
comment on column graph.model_versions.artifact_uri_source is 'How it is known: 0 not, 1 inferred, 2 declared, 3 observed.';
comment on column graph.model_versions.artifact_uri_at is 'For which time it was said.';
comment on column graph.model_versions.digest is 'Of the artifact: ALGORITHM:HEX in lower case.';
comment on column graph.model_versions.digest_source is 'As artifact_uri_source.';
comment on column graph.model_versions.digest_at is 'For which time it was said.';
comment on column graph.model_versions.run_uuid is 'Run that made it.';
comment on column graph.model_versions.run_source is 'As artifact_uri_source.';
comment on column graph.model_versions.run_at is 'For which time it was said.';
comment on column graph.model_versions.registry_run_id is 'Run that made it, as the registry names it (run_id of MLflow).';
comment on column graph.model_versions.registry_run_source is 'As artifact_uri_source.';
comment on column graph.model_versions.registry_run_at is 'For which time it was said.';
comment on column graph.model_versions.released_at is 'When the registry made it; the earliest of the largest source.';
comment on column graph.model_versions.released_source is 'As artifact_uri_source.';
comment on column graph.model_versions.artifact_uri_first_at is 'Earliest time for which an artifact was named, whatever counts; null: never.';
comment on column graph.model_versions.digest_first_at is 'The same of a digest.';
comment on column graph.model_versions.run_first_at is 'The same of a run.';
comment on column graph.model_versions.registry_run_first_at is 'The same of a run in the registry.';

create table graph.model_artifacts (
    artifact_uri text not null,
    run_uuid uuid not null,
    at timestamptz not null,
    primary key (artifact_uri, run_uuid)
);
comment on table graph.model_artifacts is 'Which runs made what is stored where: outputs that are models.';
comment on column graph.model_artifacts.artifact_uri is 'As that of graph.model_versions.';
comment on column graph.model_artifacts.run_uuid is 'The run.';
comment on column graph.model_artifacts.at is 'When it completed; the latest time.';

create table graph.deployments (
    deployment_uuid uuid primary key,
    namespace text not null,
    name text not null,
    source smallint not null default 1
);
comment on table graph.deployments is 'What serves models (view metaops.deployments).';
comment on column graph.deployments.deployment_uuid is 'Version 5 UUID over namespace and name.';
comment on column graph.deployments.namespace is 'Its namespace; empty where none was named.';
comment on column graph.deployments.name is 'Its name there: of a deployment of Seldon, an inference service of KServe, a server of MLServer.';
comment on column graph.deployments.source is 'As that of a model.';

-- The version that alone has an artifact; none where several have it.
create function graph.version_of_artifact(artifact_uri text) returns table (model text, version text)
language sql stable
as $$
    select min(m.name), min(v.version)
    from graph.model_versions v
    join graph.models m using (model_uuid)
    where v.artifact_uri = version_of_artifact.artifact_uri
    having count(*) = 1
$$;

insert into graph.role_rights values
    ('metaops_writer', 'graph.models', 'insert, select, update'),
    ('metaops_writer', 'graph.model_versions', 'insert, select, update'),
    ('metaops_writer', 'graph.deployments', 'insert, select, update'),
    ('metaops_reader', 'graph.models', 'select'),
    ('metaops_writer', 'graph.model_artifacts', 'insert, select, update'),
    ('metaops_reader', 'graph.model_versions', 'select'),
    ('metaops_reader', 'graph.model_artifacts', 'select'),
    ('metaops_reader', 'graph.deployments', 'select');

insert into graph.row_rules (name, is_granted, condition) values
    ('models', true, 'namespace = any ((select graph.namespaces_of(current_user))::text[])'),
    ('model_versions', true, 'exists (select from graph.models m where m.model_uuid = model_versions.model_uuid)'),
    ('model_artifacts', true, 'exists (select from graph.runs r where r.run_uuid = model_artifacts.run_uuid)'),
    ('deployments', true, 'namespace = any ((select graph.namespaces_of(current_user))::text[])');
