-- Alerts of what serves models: what a version was trained on, or made for, is not what there is now.
--
-- Inputs: of each version that is served and whose training run is known, the columns of the datasets that this run read, as
-- their accepted schema was when it ended, against the schemas that they have had while it is served. A column that is gone or
-- has another type counts; where the run told which columns it read, only those do. One more column changes nothing of what
-- the model is given, nor does another order; new rows, which a version of a dataset is as well, are no difference of inputs at
-- all. One alert for each deployment, training run, dataset and schema: open while all of it holds, over when a version
-- serves that was trained behind the change, or the schema is as it was; what was over before it was judged is history.
--
-- Tensors: what a tag signature declares of the inputs of a version (tensors as the Open Inference Protocol names them, or in
-- MLflow's form), else what the server says of it (0042), against those of the requests in the last minute without an error, when this version alone answered in it.
--
-- One cause is told once. A changed schema is an alert of the dataset first, and that one names the models and
-- deployments behind it. So here nothing is told while such an alert of a change since the training is open, or is
-- ignored. Once it was accepted, the dataset is right as it is, and the version is what is wrong: this is told then. Once there
-- is an alert here, it stays, whatever becomes of that of the dataset.

create function graph.columns_of(schema jsonb) returns jsonb
language sql immutable parallel safe
return (select coalesce(graph.packed_schema(array_agg(f ->> 'name' order by n), array_agg(f ->> 'type' order by n)), '[]')
        from jsonb_array_elements(schema) with ordinality x (f, n));

-- Columns of a dataset that a run said it reads; null: it did not say.
create function graph.columns_read(run graph.runs, dataset uuid) returns text[]
language sql stable
as $$
    select array_agg(distinct f.name)
    from graph.run_io_sets r
    join graph.io_sets i on i.io_id = r.io_id and i.direction = 0 and i.dataset_uuid = dataset
    join graph.statements s on s.io_id = i.io_id and s.first_at <= coalesce(run.ended_at, 'infinity')
        and s.last_at >= coalesce(run.started_at, run.first_at)
    join graph.descriptions d on d.description_id = graph.slot_digest(s.descriptions, i.ordinal) and d.name = 'schema'
    join graph.facets c using (digest)
    cross join lateral graph.schema_fields(c.content) f
    where r.run_uuid = run.run_uuid and not c.deleted
$$;

-- Schemas of a dataset that lack what a run read, or have it with another type, and from when to when each was accepted.
create function graph.schemas_unlike(run graph.runs, dataset uuid)
returns table (version uuid, changes jsonb, held_from timestamptz, held_to timestamptz)
language sql stable
as $$
    with spans as materialized (
        select v.version, graph.columns_of(v.schema) as columns, v.first_at, v.last_at, case when v.current then 'infinity' else
            greatest(v.last_at, (select min(o.first_at) from graph.versions_of(dataset) o where o.first_at > v.last_at)) end as held_to
        from graph.versions_of(dataset) v
    ), trained as (
        select s.columns, graph.columns_read(run, dataset) as names
        from spans s
        cross join lateral (select coalesce(run.ended_at, run.started_at, run.first_at) as at) t
        where s.first_at <= t.at
        order by least(s.last_at, t.at) desc, s.first_at desc, s.version
        limit 1
    )
    select s.version, c.changes, s.first_at, s.held_to
    from trained t
    cross join spans s
    cross join lateral (
        select jsonb_agg(c order by n) as changes
        from graph.schema_changes(t.columns, s.columns) with ordinality x (c, n)
        where c ->> 'change' in ('removed', 'retyped') and (t.names is null or c ->> 'field' = any (t.names))) c
    where c.changes is not null
$$;

-- Training runs of the versions that a deployment was told to serve, or that answered; until null: still.
create function graph.runs_served(d graph.deployments)
returns table (run_uuid uuid, named text, since timestamptz, until timestamptz, added_at timestamptz)
language sql stable
as $$
    with told as materialized (
        select t.namespace, t.model, t.version, t.artifact_uri, t.served_from as since, t.served_to as until, k.added_at
        from metaops.served_versions t
        join graph.k8s_objects o on (o.cluster, o.kind, o.namespace, o.name) = (t.cluster, t.kind, t.namespace, t.deployment)
        join graph.k8s_states k on k.object_uuid = o.object_uuid and k.at = t.served_from
        where t.namespace = d.namespace and t.deployment = d.name
    ), answered as materialized (
        select s.model_uuid, v.version, min(v.first_at) as since, min(v.added_at) as added_at,
            case when max(v.window_start) < max(max(v.window_start)) over (partition by s.stream_uuid) then max(v.last_at) end as until
        from graph.inference_streams s
        join graph.inference_versions v using (stream_uuid)
        where s.deployment_uuid = d.deployment_uuid
        group by s.stream_uuid, s.model_uuid, v.version
    ), served as (
        select v.run_uuid, v.name, v.version, t.since, t.until, t.added_at
        from told t join metaops.model_versions v on v.artifact_uri = t.artifact_uri
        union all
        select v.run_uuid, v.name, v.version, t.since, t.until, t.added_at
        from told t join metaops.model_versions v on (v.namespace, v.name, v.version) = (t.namespace, t.model, t.version)
        union all
        select v.run_uuid, v.name, v.version, a.since, a.until, a.added_at
        from answered a
        join graph.models m using (model_uuid)
        join metaops.model_versions v on (v.namespace, v.name, v.version) = (m.namespace, m.name, a.version)
    )
    select s.run_uuid, min(graph.version_name(s.name, s.version)), min(s.since),
        case when bool_and(s.until is not null) then max(s.until) end, min(s.added_at)
    from served s
    where s.run_uuid is not null
    group by s.run_uuid
$$;

-- Is there an alert of a changed schema of the dataset since then, which people have not accepted?
create function graph.is_told_of(dataset uuid, since timestamptz) returns boolean
language sql stable
return exists (
    select from graph.alerts a
    where a.subject_uuid = dataset and a.kind = 'schema' and a.status in ('open', 'acknowledged', 'ignored') and a.event_time > since);

create function graph.is_open(alert uuid) returns boolean
language sql stable
return exists (select from graph.alerts a where a.alert_id = alert and a.status in ('open', 'acknowledged'));

-- Schemas of what versions were trained on, of what was stored by then.
create function graph.found_inputs(d graph.deployments, stored_by timestamptz) returns setof graph.served_finding
language sql stable
as $$
    select f.alert, format('%s: serves %s, trained on another schema of %s', (d).name, s.named, i.name),
        jsonb_build_object('version', s.named, 'changes', u.changes, 'training_run', graph.run_name(r.run_id, r.run_uuid),
                           'input', jsonb_build_object('namespace', i.namespace, 'name', i.name)),
        greatest(s.since, u.held_from), f.is_past
    from graph.runs_served(d) s
    join graph.runs r using (run_uuid)
    join graph.datasets i on i.dataset_uuid in (
        select o.dataset_uuid from graph.run_io_sets p join graph.io_sets o on o.io_id = p.io_id and o.direction = 0
        where p.run_uuid = r.run_uuid)
    cross join lateral graph.schemas_unlike(r, i.dataset_uuid) u
    cross join lateral (
        select md5(concat_ws('|', 'inputs', (d).deployment_uuid, r.run_uuid, i.dataset_uuid, u.version))::uuid as alert,
            s.until is not null or u.held_to <> 'infinity' as is_past) f
    where s.added_at <= stored_by and greatest(s.since, u.held_from) <= least(coalesce(s.until, 'infinity'), u.held_to)
        and (f.is_past or graph.is_open(f.alert)
             or not graph.is_told_of(i.dataset_uuid, coalesce(r.ended_at, r.started_at, r.first_at)))
    order by f.alert
$$;

-- Types of MLflow's signatures, as the Open Inference Protocol names them.
create function graph.tensor_type(type text) returns text
language sql immutable parallel safe
return coalesce('{"float64": "FP64", "float32": "FP32", "int64": "INT64", "int32": "INT32", "int16": "INT16", "int8": "INT8", "uint8": "UINT8",
    "bool": "BOOL", "object": "BYTES", "double": "FP64", "float": "FP32", "long": "INT64", "integer": "INT32", "boolean": "BOOL",
    "string": "BYTES", "binary": "BYTES"}'::jsonb ->> type, type);

-- Inputs that a signature declares; of what is null nothing is said. A text that is no signature declares nothing.
create function graph.declared_tensors(signature text)
returns table (name text, datatype text, shape jsonb, is_required boolean)
language plpgsql immutable
as $$
declare
    inputs jsonb;
begin
    inputs := signature::jsonb -> 'inputs';
    if jsonb_typeof(inputs) = 'string' then
        inputs := (inputs #>> '{}')::jsonb;
    end if;
    return query
    select e ->> 'name', coalesce(e ->> 'datatype', graph.tensor_type(coalesce(e #>> '{tensor-spec,dtype}', nullif(e ->> 'type', 'tensor')))),
        coalesce(e -> 'shape', e #> '{tensor-spec,shape}'), coalesce(e ->> 'required', 'true') <> 'false'
    from jsonb_array_elements(inputs) e
    where jsonb_typeof(e) = 'object';
exception when data_exception then
    return;
end $$;

-- Is a shape as declared? Of the first dimension, and of one that is -1, any size is right.
create function graph.is_shape(declared jsonb, seen jsonb) returns boolean
language sql immutable parallel safe
return declared is null or jsonb_array_length(declared) = jsonb_array_length(seen) and not exists (
    select from jsonb_array_elements(declared) with ordinality x (d, n)
    where n > 1 and d <> '-1' and d <> seen -> (n::int - 1));

create function graph.tensor_name(name text, datatype text, shape jsonb) returns text
language sql immutable parallel safe
return concat_ws(' ', name, datatype, shape::text);

-- How requests of a minute differ from a signature; null: not at all, or it declares nothing.
create function graph.tensor_changes(signature text, stream uuid, minute timestamptz) returns jsonb
language sql stable
as $$
    with declared as materialized (
        select * from graph.declared_tensors(signature)
    ), seen as materialized (
        select t.name, t.datatype, t.shape::jsonb from graph.inference_tensors t
        where t.stream_uuid = stream and t.window_start = minute and t.direction = 0
    ), pairs as materialized (
        select d as declared, s as seen
        from declared d
        join seen s on s.name = coalesce(d.name, s.name) and s.datatype = coalesce(d.datatype, s.datatype) and graph.is_shape(d.shape, s.shape)
    ), changes as (
        select 'removed' as change, graph.tensor_name(d.name, d.datatype, d.shape) as value from declared d
        where d.is_required and not exists (select from pairs p where p.declared is not distinct from d)
        union
        select 'added', graph.tensor_name(s.name, s.datatype, s.shape) from seen s
        where not exists (select from pairs p where p.seen is not distinct from s)
    )
    select jsonb_agg(jsonb_build_object('change', c.change, 'what', 'tensor', 'value', c.value) order by c.change desc, c.value collate "C")
    from changes c
    where exists (select from declared) and exists (select from seen)
$$;

-- What is declared of the inputs of a version, by the tag signature of it or of the version whose artifact it is.
create function graph.signature_of(model uuid, version text) returns text
language sql stable
as $$
    select f.value
    from graph.model_versions v
    join graph.model_versions o on (o.model_uuid, o.version) = (v.model_uuid, v.version) or o.artifact_uri = v.artifact_uri
    join graph.model_facts f on (f.model_uuid, f.version) = (o.model_uuid, o.version) and f.kind = 1 and lower(f.name) = 'signature'
    where v.model_uuid = model and v.version = signature_of.version and f.value <> ''
    order by f.at desc, f.value collate "C" desc
    limit 1
$$;

-- What a server says of the inputs of a version that it serves, in the form of a signature.
create function graph.described_signature(d graph.deployments, model uuid, version text) returns text
language sql stable
return (select jsonb_build_object('inputs', s.inputs)::text from graph.server_descriptions s
        where s.deployment_uuid = (d).deployment_uuid and s.model_uuid = model and s.version = described_signature.version);

-- Tensors of requests that are not those of the version that answered them last.
create function graph.found_tensors(d graph.deployments, stored_by timestamptz) returns setof graph.served_finding
language sql stable
as $$
    select md5(concat_ws('|', 'tensors', s.stream_uuid, v.version, c.changes))::uuid,
        format('%s: requests to %s are not what its signature declares', (d).name, graph.version_name(m.name, v.version)),
        jsonb_build_object('version', graph.version_name(m.name, v.version), 'endpoint', s.endpoint, 'changes', c.changes),
        v.first_at, false
    from graph.inference_streams s
    join graph.models m using (model_uuid)
    cross join lateral (
        select v.* from graph.inference_versions v join graph.inference_windows w using (stream_uuid, window_start)
        where v.stream_uuid = s.stream_uuid and w.errors = 0 and w.requests > 0
        order by v.window_start desc limit 1) v
    cross join lateral (
        select graph.tensor_changes(coalesce(graph.signature_of(s.model_uuid, v.version), graph.described_signature(d, s.model_uuid, v.version)),
                                    s.stream_uuid, v.window_start) as changes) c
    where s.deployment_uuid = (d).deployment_uuid and v.added_at <= stored_by and c.changes is not null
        and graph.answered_in(s.stream_uuid, v.window_start) = array[v.version]
    order by s.stream_uuid
$$;

-- All of it. True: an alert is open.
create function graph.judge_inputs(d graph.deployments, stored_by timestamptz) returns boolean
language plpgsql
as $$
declare
    is_trained_elsewise constant boolean := graph.tell_served(d, 'inputs', array(select f from graph.found_inputs(d, stored_by) f));
    is_asked_elsewise constant boolean := graph.tell_served(d, 'tensors', array(select f from graph.found_tensors(d, stored_by) f));
begin
    return is_trained_elsewise or is_asked_elsewise;
end $$;
