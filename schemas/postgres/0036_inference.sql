-- Predictions: streams (one model behind one endpoint of a deployment) and what fell into their windows of one minute.
--
-- Values of a window are sums over the payloads whose time lies in it (that of receipt where they have none), each once:
-- only a payload that the ledger of event ids finds new adds to them, in the transaction that does so. So neither order nor
-- duplicates matter, and graph_checksum() covers them. Of one payload that comes twice with two times, the first to
-- arrive counts. A request and its answer make a pair by their request id, each at its earliest; how long an
-- answer took is read from the pairs. Payloads themselves are not stored.

alter table graph.event_ids add column is_payload boolean;
comment on column graph.event_ids.is_payload is 'True for the payload of a prediction and for what a registry says, of which nothing else is stored; null for all others.';

create table graph.inference_streams (
    stream_uuid uuid primary key,
    deployment_uuid uuid not null,
    model_uuid uuid not null,
    endpoint text not null,
    source smallint not null default 1,
    first_at timestamptz not null,
    last_at timestamptz not null
) with (fillfactor = 90);
create index inference_streams_deployment on graph.inference_streams (deployment_uuid);
create index inference_streams_model on graph.inference_streams (model_uuid);
comment on table graph.inference_streams is 'Predictions of one model behind one endpoint of a deployment (view metaops.inference_streams).';
comment on column graph.inference_streams.stream_uuid is 'Version 5 UUID over namespace, deployment, endpoint and model.';
comment on column graph.inference_streams.deployment_uuid is 'What serves.';
comment on column graph.inference_streams.model_uuid is 'The model that answers.';
comment on column graph.inference_streams.endpoint is 'Predictor, component or path; empty where none was named.';
comment on column graph.inference_streams.source is 'How it is known: 1 inferred, 2 declared, 3 observed.';
comment on column graph.inference_streams.first_at is 'Earliest time of a payload.';
comment on column graph.inference_streams.last_at is 'Latest time of a payload.';

create table graph.inference_windows (
    stream_uuid uuid not null,
    window_start timestamptz not null,
    requests bigint not null,
    answers bigint not null,
    errors bigint not null,
    feedbacks bigint not null,
    rewarded bigint not null,
    reward_micros bigint not null,
    primary key (stream_uuid, window_start)
) with (fillfactor = 70);
comment on table graph.inference_windows is 'What fell into one minute of a stream (view metaops.inference_windows).';
comment on column graph.inference_windows.stream_uuid is 'The stream.';
comment on column graph.inference_windows.window_start is 'When the minute begins.';
comment on column graph.inference_windows.requests is 'Requests.';
comment on column graph.inference_windows.answers is 'Answers.';
comment on column graph.inference_windows.errors is 'Answers that are errors.';
comment on column graph.inference_windows.feedbacks is 'Feedback on answers.';
comment on column graph.inference_windows.rewarded is 'Feedback with a reward.';
comment on column graph.inference_windows.reward_micros is 'These rewards together, in millionths: sums of them are the same in any order.';

create table graph.inference_tensors (
    stream_uuid uuid not null,
    window_start timestamptz not null,
    direction smallint not null,
    name text not null,
    datatype text not null,
    shape text not null,
    tensors bigint not null,
    instances bigint not null,
    primary key (stream_uuid, window_start, direction, name, datatype, shape)
) with (fillfactor = 70);
comment on table graph.inference_tensors is 'Tensors of one name, type and shape in a window.';
comment on column graph.inference_tensors.stream_uuid is 'The stream.';
comment on column graph.inference_tensors.window_start is 'When the minute begins.';
comment on column graph.inference_tensors.direction is '0: of requests, 1: of answers.';
comment on column graph.inference_tensors.name is 'Name of the tensor.';
comment on column graph.inference_tensors.datatype is 'Type of its elements, as the Open Inference Protocol names it.';
comment on column graph.inference_tensors.shape is 'JSON array; the first dimension is -1, as batches differ in size.';
comment on column graph.inference_tensors.tensors is 'How many there were.';
comment on column graph.inference_tensors.instances is 'The first dimensions of all of them together.';

create table graph.inference_versions (
    stream_uuid uuid not null,
    window_start timestamptz not null,
    version text not null,
    answers bigint not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    added_at timestamptz not null default now(),
    primary key (stream_uuid, window_start, version)
) with (fillfactor = 70);
comment on table graph.inference_versions is 'Versions that the answers of a window name (view metaops.inference_windows).';
comment on column graph.inference_versions.stream_uuid is 'The stream.';
comment on column graph.inference_versions.window_start is 'When the minute begins.';
comment on column graph.inference_versions.version is 'The version.';
comment on column graph.inference_versions.answers is 'How many answers name it.';
comment on column graph.inference_versions.first_at is 'Time of the earliest of them.';
comment on column graph.inference_versions.last_at is 'Time of the latest of them.';
comment on column graph.inference_versions.added_at is 'When the first of them to arrive was stored.';

create table graph.inference_pairs (
    pair_uuid uuid primary key,
    stream_uuid uuid not null,
    request_at timestamptz,
    answer_at timestamptz
) with (fillfactor = 70);
create index inference_pairs_request on graph.inference_pairs (stream_uuid, request_at);
comment on table graph.inference_pairs is 'Requests and their answers, where they have times of their own.';
comment on column graph.inference_pairs.pair_uuid is 'Version 5 UUID over stream and request id.';
comment on column graph.inference_pairs.stream_uuid is 'The stream.';
comment on column graph.inference_pairs.request_at is 'Earliest time of the request; null while it has not come.';
comment on column graph.inference_pairs.answer_at is 'Earliest time of the answer; null while it has not come.';

create view metaops.models as
select m.namespace, m.name, graph.source_name(m.source) as source, s.first_seen, s.last_seen
from graph.models m
left join (select model_uuid, min(first_at) as first_seen, max(last_at) as last_seen
           from graph.inference_streams group by model_uuid) s using (model_uuid);
comment on view metaops.models is 'Models that anything named.';
comment on column metaops.models.namespace is 'Namespace of the model; empty where none was named.';
comment on column metaops.models.name is 'Its name.';
comment on column metaops.models.source is 'How it is known: observed, declared, or inferred from payloads of predictions.';
comment on column metaops.models.first_seen is 'Time of the earliest payload that names it.';
comment on column metaops.models.last_seen is 'Time of the latest payload that names it.';

create view metaops.model_versions as
select m.namespace, m.name, v.version, graph.source_name(v.source) as source, v.first_at as first_seen, v.last_at as last_seen,
    v.artifact_uri, graph.source_name(v.artifact_uri_source) as artifact_uri_source,
    v.digest, graph.source_name(v.digest_source) as digest_source,
    coalesce(v.run_uuid, a.run_uuid) as run_uuid,
    case when v.run_uuid is not null then graph.source_name(v.run_source) when a.run_uuid is not null then 'inferred' end as run_source,
    v.registry_run_id, graph.source_name(v.registry_run_source) as registry_run_source,
    v.released_at, graph.source_name(v.released_source) as released_source
from graph.model_versions v
join graph.models m using (model_uuid)
left join lateral (
    -- What wrote the artifact last before the registry took it up; else what wrote it next.
    select a.run_uuid
    from graph.model_artifacts a
    where a.artifact_uri = v.artifact_uri
    order by a.at <= coalesce(v.released_at, v.last_at) desc, abs(extract(epoch from a.at - coalesce(v.released_at, v.last_at))), a.run_uuid
    limit 1
) a on true;
comment on view metaops.model_versions is 'Versions of models; a payload names one in its answer, a registry or a training run tells where it is stored.';
comment on column metaops.model_versions.namespace is 'Namespace of the model.';
comment on column metaops.model_versions.name is 'Name of the model.';
comment on column metaops.model_versions.version is 'The version, as it was named.';
comment on column metaops.model_versions.source is 'As in metaops.models.';
comment on column metaops.model_versions.first_seen is 'Time of the earliest event that names this version.';
comment on column metaops.model_versions.last_seen is 'Time of the latest event that names this version.';
comment on column metaops.model_versions.artifact_uri is 'Where it is stored, in one form for all who name it; null: nobody said.';
comment on column metaops.model_versions.artifact_uri_source is 'How that is known; observed counts before declared, declared before inferred, then the later.';
comment on column metaops.model_versions.digest is 'Of the artifact: ALGORITHM:HEX.';
comment on column metaops.model_versions.digest_source is 'As artifact_uri_source.';
comment on column metaops.model_versions.run_uuid is 'Run that made it: an event of that run says so, or (inferred) it wrote the artifact.';
comment on column metaops.model_versions.run_source is 'As artifact_uri_source.';
comment on column metaops.model_versions.registry_run_id is 'Run that made it, as the registry names it (run_id of MLflow).';
comment on column metaops.model_versions.registry_run_source is 'As artifact_uri_source.';
comment on column metaops.model_versions.released_at is 'When the registry made it.';
comment on column metaops.model_versions.released_source is 'As artifact_uri_source.';

create view metaops.inference_streams as
select d.namespace, d.name as deployment, s.endpoint, m.name as model, graph.source_name(s.source) as source,
    s.first_at as first_seen, s.last_at as last_seen
from graph.inference_streams s
join graph.deployments d using (deployment_uuid)
join graph.models m using (model_uuid);
comment on view metaops.inference_streams is 'Predictions of one model behind one endpoint of a deployment.';
comment on column metaops.inference_streams.namespace is 'Namespace of deployment and model.';
comment on column metaops.inference_streams.deployment is 'What serves.';
comment on column metaops.inference_streams.endpoint is 'Predictor, component or path; empty where none was named.';
comment on column metaops.inference_streams.model is 'The model that answers.';
comment on column metaops.inference_streams.source is 'As in metaops.models.';
comment on column metaops.inference_streams.first_seen is 'Time of the earliest payload.';
comment on column metaops.inference_streams.last_seen is 'Time of the latest payload.';

-- Tensors of one direction, in the order of their names.
create view graph.inference_forms as
select stream_uuid, window_start, direction,
    jsonb_agg(jsonb_build_object('name', name, 'datatype', datatype, 'shape', shape::jsonb, 'tensors', tensors, 'instances', instances)
              order by name collate "C", datatype collate "C", shape collate "C") as tensors
from graph.inference_tensors
group by stream_uuid, window_start, direction;
comment on view graph.inference_forms is 'Tensors of the requests or answers of a window.';
comment on column graph.inference_forms.stream_uuid is 'The stream.';
comment on column graph.inference_forms.window_start is 'When the minute begins.';
comment on column graph.inference_forms.direction is '0: of requests, 1: of answers.';
comment on column graph.inference_forms.tensors is 'JSON array of name, datatype, shape, tensors and instances.';

create view metaops.inference_windows as
select s.namespace, s.deployment, s.endpoint, s.model, w.window_start, w.window_start + interval '1 minute' as window_end,
    w.requests, w.answers, w.errors, p.pairs, p.latency_ms_mean, p.latency_ms_p50, p.latency_ms_p99, p.latency_ms_max,
    i.tensors as inputs, o.tensors as outputs,
    w.feedbacks, round(w.reward_micros / 1000000.0 / nullif(w.rewarded, 0), 6) as reward_mean,
    (select array_agg(v.version order by v.version collate "C") from graph.inference_versions v
     where v.stream_uuid = w.stream_uuid and v.window_start = w.window_start) as versions
from graph.inference_windows w
join (select s.stream_uuid, d.namespace, d.name as deployment, s.endpoint, m.name as model
      from graph.inference_streams s
      join graph.deployments d using (deployment_uuid)
      join graph.models m using (model_uuid)) s using (stream_uuid)
left join graph.inference_forms i on (i.stream_uuid, i.window_start, i.direction) = (w.stream_uuid, w.window_start, 0)
left join graph.inference_forms o on (o.stream_uuid, o.window_start, o.direction) = (w.stream_uuid, w.window_start, 1)
cross join lateral (
    select count(*) as pairs, round(avg(t.took_ms), 3) as latency_ms_mean,
        percentile_disc(0.5) within group (order by t.took_ms) as latency_ms_p50,
        percentile_disc(0.99) within group (order by t.took_ms) as latency_ms_p99,
        max(t.took_ms) as latency_ms_max
    from (select extract(epoch from p.answer_at - p.request_at) * 1000 as took_ms
          from graph.inference_pairs p
          where p.stream_uuid = w.stream_uuid and p.answer_at >= p.request_at
              and p.request_at >= w.window_start and p.request_at < w.window_start + interval '1 minute') t
) p;
comment on view metaops.inference_windows is 'Predictions by the minute: how many, of what form, how fast. An open window is here, too, with what has come so far.';
comment on column metaops.inference_windows.namespace is 'Namespace of deployment and model.';
comment on column metaops.inference_windows.deployment is 'What serves.';
comment on column metaops.inference_windows.endpoint is 'Predictor, component or path; empty where none was named.';
comment on column metaops.inference_windows.model is 'The model that answers.';
comment on column metaops.inference_windows.window_start is 'When the minute begins.';
comment on column metaops.inference_windows.window_end is 'When it ends; what happens at that moment is in the next one.';
comment on column metaops.inference_windows.requests is 'Requests in it.';
comment on column metaops.inference_windows.answers is 'Answers in it.';
comment on column metaops.inference_windows.errors is 'Of these, errors.';
comment on column metaops.inference_windows.pairs is 'Requests in it whose answer is known, both with a time.';
comment on column metaops.inference_windows.latency_ms_mean is 'Mean time from these requests to their answers, milliseconds.';
comment on column metaops.inference_windows.latency_ms_p50 is 'Half of them were answered within this time.';
comment on column metaops.inference_windows.latency_ms_p99 is '99 of 100 were.';
comment on column metaops.inference_windows.latency_ms_max is 'The longest.';
comment on column metaops.inference_windows.inputs is 'Tensors of the requests: JSON array of name, datatype, shape (the first dimension -1), tensors (how many), instances (the first dimensions together). Null: none.';
comment on column metaops.inference_windows.outputs is 'The same of the answers.';
comment on column metaops.inference_windows.feedbacks is 'Feedback given in it, on whatever answers.';
comment on column metaops.inference_windows.reward_mean is 'Mean of the rewards that this feedback names; null: none.';
comment on column metaops.inference_windows.versions is 'Versions of the model that answers name; null: none does.';

create or replace function metaops.graph_checksum() returns text
language sql stable
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
set extra_float_digits = 1
set jit = off
as $$
    select md5(string_agg(v.name || '=' || graph.rows_digest('select * from metaops.' || v.name), ';'
                          order by v.name collate "C"))
    from unnest(array['namespaces', 'datasets', 'dataset_symlinks', 'dataset_fields', 'dataset_versions',
                      'jobs', 'job_versions', 'runs', 'run_inputs', 'run_outputs', 'edges',
                      'column_lineage', 'facets', 'models', 'model_versions', 'deployments',
                      'model_tags', 'model_aliases', 'inference_streams', 'inference_windows', 'monitors', 'monitor_watches', 'drift_evaluations',
                      'actions', 'actors', 'k8s_objects', 'run_objects', 'served_versions', 'servers', 'server_versions', 'server_counts', 'deployment_states']) v (name)
$$;

insert into graph.role_rights values
    ('metaops_writer', 'graph.inference_streams', 'insert, select, update'),
    ('metaops_writer', 'graph.inference_windows', 'insert, select, update'),
    ('metaops_writer', 'graph.inference_tensors', 'insert, select, update'),
    ('metaops_writer', 'graph.inference_versions', 'insert, select, update'),
    ('metaops_writer', 'graph.inference_pairs', 'insert, select, update'),
    ('metaops_reader', 'graph.inference_streams', 'select'),
    ('metaops_reader', 'graph.inference_windows', 'select'),
    ('metaops_reader', 'graph.inference_tensors', 'select'),
    ('metaops_reader', 'graph.inference_versions', 'select'),
    ('metaops_reader', 'graph.inference_pairs', 'select');

insert into graph.row_rules (name, is_granted, condition) values
    ('inference_streams', true, 'exists (select from graph.deployments d where d.deployment_uuid = inference_streams.deployment_uuid)'),
    ('inference_windows', true, 'exists (select from graph.inference_streams s where s.stream_uuid = inference_windows.stream_uuid)'),
    ('inference_tensors', true, 'exists (select from graph.inference_streams s where s.stream_uuid = inference_tensors.stream_uuid)'),
    ('inference_versions', true, 'exists (select from graph.inference_streams s where s.stream_uuid = inference_versions.stream_uuid)'),
    ('inference_pairs', true, 'exists (select from graph.inference_streams s where s.stream_uuid = inference_pairs.stream_uuid)');
insert into graph.row_views values
    ('graph.inference_forms'), ('metaops.models'), ('metaops.model_versions'),
    ('metaops.inference_streams'), ('metaops.inference_windows');
