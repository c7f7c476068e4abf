-- Kubernetes: who did what to which object, and what objects were.
--
-- Each row of actions and of k8s_states says what one audit event, or one event of a watch, says, under an id that is made of it
-- alone; k8s_objects keep extremes. Who and when is told by audit events; a watch adds whether an object is ready, and what
-- they do not tell: its times are the ends of seconds. So neither order nor duplicates matter. Which version a deployment served when is no row: views read it
-- from the states of an object in the order of their times, however late one of them arrived.

create table graph.actions (
    action_uuid uuid primary key,
    cluster text not null,
    audit_id text not null,
    stage text not null,
    actor text not null,
    on_behalf_of text,
    verb text not null,
    api_group text,
    resource text,
    subresource text,
    namespace text,
    name text,
    object_uid text,
    code integer,
    reason text,
    decision text,
    source_ip text,
    user_agent text,
    requested_at timestamptz not null,
    event_time timestamptz not null
);
create index actions_object on graph.actions (namespace, name, event_time);
create index actions_actor on graph.actions (actor, event_time);
create index actions_cluster on graph.actions (cluster);
comment on table graph.actions is 'Requests to the API servers of Kubernetes, from their audit events (view metaops.actions).';
comment on column graph.actions.action_uuid is 'Version 5 UUID over cluster, audit id and stage.';
comment on column graph.actions.cluster is 'The cluster, as the address of the door names it.';
comment on column graph.actions.audit_id is 'The request, as kube-apiserver numbers it.';
comment on column graph.actions.stage is 'How far it had come: RequestReceived, ResponseStarted, ResponseComplete, Panic.';
comment on column graph.actions.actor is 'Who is acted as; empty where nobody was authenticated.';
comment on column graph.actions.on_behalf_of is 'Who asked to act as the actor; null: nobody.';
comment on column graph.actions.verb is 'get, list, watch, create, update, patch, delete, deletecollection, or the method where there is no object.';
comment on column graph.actions.api_group is 'Group of the resource; null: the core group, or no object.';
comment on column graph.actions.resource is 'The resource, in the plural; null: a path that is none.';
comment on column graph.actions.subresource is 'Part of the object: scale, status, ...; null: the object.';
comment on column graph.actions.namespace is 'Namespace of the object; null: it has none.';
comment on column graph.actions.name is 'Name of the object; null: a whole collection.';
comment on column graph.actions.object_uid is 'Uid of the object, where the event says it.';
comment on column graph.actions.code is 'Status of the answer; null: not answered yet.';
comment on column graph.actions.reason is 'Why it failed, in one word of Kubernetes.';
comment on column graph.actions.decision is 'allow or forbid, as the authorizer decided; null: it was not asked.';
comment on column graph.actions.source_ip is 'The last address of its way, the only one that is no claim of the sender.';
comment on column graph.actions.user_agent is 'What the client calls itself.';
comment on column graph.actions.requested_at is 'When the request came in.';
comment on column graph.actions.event_time is 'When the stage was reached.';

create table graph.k8s_objects (
    object_uuid uuid primary key,
    cluster text not null,
    api_group text not null,
    kind text not null,
    namespace text not null,
    name text not null,
    uid text not null,
    first_at timestamptz not null,
    last_at timestamptz not null
) with (fillfactor = 90);
create index k8s_objects_name on graph.k8s_objects (namespace, name);
create index k8s_objects_uid on graph.k8s_objects (uid);
comment on table graph.k8s_objects is 'Objects of Kubernetes that were changed, or watched (view metaops.k8s_objects).';
comment on column graph.k8s_objects.object_uuid is 'Version 5 UUID over cluster and uid.';
comment on column graph.k8s_objects.cluster is 'The cluster.';
comment on column graph.k8s_objects.api_group is 'Group of its kind; empty: the core group.';
comment on column graph.k8s_objects.kind is 'Its kind; empty while only answers without it have come.';
comment on column graph.k8s_objects.namespace is 'Its namespace; empty: none.';
comment on column graph.k8s_objects.name is 'Its name.';
comment on column graph.k8s_objects.uid is 'Its uid: an object of the same name later has another.';
comment on column graph.k8s_objects.first_at is 'Earliest time of a change.';
comment on column graph.k8s_objects.last_at is 'Latest time of a change.';

create table graph.k8s_states (
    action_uuid uuid primary key,
    object_uuid uuid not null,
    at timestamptz not null,
    is_deleted boolean not null,
    is_whole boolean not null,
    generation bigint,
    replicas bigint,
    artifact_uri text,
    model text,
    model_version text,
    images jsonb,
    annotations jsonb,
    labels jsonb,
    owners jsonb,
    has_resources boolean not null default false,
    run_mark uuid,
    is_watched boolean not null default false,
    is_ready boolean,
    phase text,
    reason text,
    revision bigint,
    added_at timestamptz not null default now()
);
create index k8s_states_audited on graph.k8s_states (object_uuid) where not is_watched;
create index k8s_states_object on graph.k8s_states (object_uuid, at);
create index k8s_states_artifact on graph.k8s_states (artifact_uri) where artifact_uri is not null;
comment on table graph.k8s_states is 'What an object was after an action, or when it was watched.';
comment on column graph.k8s_states.action_uuid is 'The action; of what was watched, the event: a version 5 UUID over cluster, uid, resourceVersion and whether it was the end.';
comment on column graph.k8s_states.object_uuid is 'The object.';
comment on column graph.k8s_states.at is 'From when on. Of what a watch saw the end of the second that the object says, which is earlier than its change where nothing in it says a time of that.';
comment on column graph.k8s_states.is_deleted is 'It is gone, or going.';
comment on column graph.k8s_states.is_whole is 'The columns behind say all; else, as after a scale, only what is not null.';
comment on column graph.k8s_states.generation is 'Counts changes of what it shall be.';
comment on column graph.k8s_states.replicas is 'How many shall run.';
comment on column graph.k8s_states.artifact_uri is 'From where it loads its model: the first storageUri or modelUri.';
comment on column graph.k8s_states.model is 'The model that it serves, as metaops.io/model-version, its step, or its own name says.';
comment on column graph.k8s_states.model_version is 'The version, as metaops.io/model-version or artifactVersion says.';
comment on column graph.k8s_states.images is 'Images of its containers: JSON array.';
comment on column graph.k8s_states.annotations is 'Annotations metaops.io/..., and those by which Airflow names a task: JSON object.';
comment on column graph.k8s_states.labels is 'Its labels: JSON object.';
comment on column graph.k8s_states.owners is 'Its ownerReferences: JSON array.';
comment on column graph.k8s_states.has_resources is 'It says what a container needs (resources).';
comment on column graph.k8s_states.run_mark is 'Of the run that it runs (graph.run_marks), or this run''s own id; null: it names none.';
comment on column graph.k8s_states.is_watched is 'A watch told it, no audit event.';
comment on column graph.k8s_states.is_ready is 'It can do its work, as its condition Ready, Available, ModelReady or PipelineReady says; null: not said, or not watched.';
comment on column graph.k8s_states.phase is 'How far a pod, a job, an application of Spark or a SeldonDeployment is; null: as before.';
comment on column graph.k8s_states.reason is 'Why it is ready, or not, in one word of its controller; null: as before.';
comment on column graph.k8s_states.revision is 'Its resourceVersion, where it is a number: the same for all that tell of one write, larger for a later one.';
comment on column graph.k8s_states.added_at is 'When it was stored.';

create view metaops.actions as
select cluster, audit_id, stage, actor, on_behalf_of, verb, resource, subresource, namespace, name, code, decision, source_ip,
    event_time, api_group, object_uid, user_agent, reason, requested_at
from graph.actions;
comment on view metaops.actions is 'Who did what to which object of Kubernetes, was it allowed, and from where.';
comment on column metaops.actions.cluster is 'The cluster, as the address of the door names it.';
comment on column metaops.actions.audit_id is 'The request, as kube-apiserver numbers it.';
comment on column metaops.actions.stage is 'How far it had come: RequestReceived, ResponseStarted, ResponseComplete, Panic.';
comment on column metaops.actions.actor is 'Who is acted as; system:serviceaccount:NAMESPACE:NAME is a workload, no person.';
comment on column metaops.actions.on_behalf_of is 'Who asked to act as the actor (impersonation); null: nobody.';
comment on column metaops.actions.verb is 'get, list, watch, create, update, patch, delete, deletecollection, or the method where there is no object.';
comment on column metaops.actions.resource is 'The resource, in the plural; null: a path that is none.';
comment on column metaops.actions.subresource is 'Part of the object: scale, status, ...; null: the object.';
comment on column metaops.actions.namespace is 'Namespace of the object; null: it has none.';
comment on column metaops.actions.name is 'Name of the object; null: a whole collection.';
comment on column metaops.actions.code is 'Status of the answer; null: not answered yet.';
comment on column metaops.actions.decision is 'allow or forbid, as the authorizer decided; null: it was not asked.';
comment on column metaops.actions.source_ip is 'The last address of its way, the only one that is no claim of the sender.';
comment on column metaops.actions.event_time is 'When the stage was reached.';
comment on column metaops.actions.api_group is 'Group of the resource; null: the core group, or no object.';
comment on column metaops.actions.object_uid is 'Uid of the object, where the event says it.';
comment on column metaops.actions.user_agent is 'What the client calls itself.';
comment on column metaops.actions.reason is 'Why it failed, in one word of Kubernetes.';
comment on column metaops.actions.requested_at is 'When the request came in.';

create view metaops.actors as
select cluster, actor,
    case when actor like 'system:serviceaccount:%' then 'service account'
         when actor in ('', 'system:anonymous') then 'anonymous'
         when actor like 'system:node:%' then 'node'
         when actor like 'system:%' then 'system'
         else 'user' end as kind,
    min(event_time) as first_seen, max(event_time) as last_seen,
    count(distinct audit_id) as actions,
    count(distinct audit_id) filter (where decision = 'forbid') as refused,
    array_agg(distinct acted_as collate "C") filter (where acted_as is not null) as acted_as
from (select cluster, actor, null::text as acted_as, audit_id, decision, event_time from graph.actions
      union all
      select cluster, on_behalf_of, actor, audit_id, decision, event_time from graph.actions where on_behalf_of is not null) a
group by cluster, actor;
comment on view metaops.actors is 'Who acted in a cluster, as himself, as another, or as whom others acted.';
comment on column metaops.actors.cluster is 'The cluster.';
comment on column metaops.actors.actor is 'The name by which the cluster knows him; empty: nobody was authenticated.';
comment on column metaops.actors.kind is 'user, service account, node, system or anonymous, by the name.';
comment on column metaops.actors.first_seen is 'Time of his earliest action.';
comment on column metaops.actors.last_seen is 'Time of his latest action.';
comment on column metaops.actors.actions is 'How many requests there were.';
comment on column metaops.actors.refused is 'Of these, forbidden.';
comment on column metaops.actors.acted_as is 'As whom he acted; null: only as himself.';

-- A kind and a resource are one word in two forms: InferenceService and inferenceservices, Policy and policies.
create function graph.is_resource(resource text, kind text) returns boolean
language sql immutable parallel safe
return lower(resource) = any (array[lower(kind), lower(kind) || 's', lower(kind) || 'es', regexp_replace(lower(kind), 'y$', 'ies')]);
comment on function graph.is_resource is 'Whether a resource is that of a kind; kind may be the resource itself, in any case.';

create function metaops.who_changed(kind text, namespace text, name text default null, since timestamptz default null,
                                    until timestamptz default null)
returns table (event_time timestamptz, actor text, on_behalf_of text, verb text, resource text, subresource text,
               object_namespace text, object_name text, code integer, decision text, reason text, source_ip text,
               cluster text, audit_id text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select a.event_time, a.actor, a.on_behalf_of, a.verb, a.resource, a.subresource, a.namespace, a.name, a.code, a.decision,
        a.reason, a.source_ip, a.cluster, a.audit_id
    from graph.actions a
    where a.verb in ('create', 'update', 'patch', 'delete', 'deletecollection')
        and a.stage in ('ResponseComplete', 'Panic')
        and graph.is_resource(a.resource, who_changed.kind)
        and (coalesce(a.namespace, '') = who_changed.namespace or who_changed.namespace is null)
        and (a.name = who_changed.name or who_changed.name is null or a.verb = 'deletecollection')
        and (a.event_time >= since or since is null)
        and (a.event_time < until or until is null)
    order by a.event_time desc, a.cluster collate "C", a.audit_id collate "C"
$$;
comment on function metaops.who_changed is 'Changes of an object of Kubernetes and attempts at it, newest first: kind as Deployment or deployments, in any case; namespace '''' for objects without one, null for any; name null for all; from since up to, not including, until.';

-- What a watch saw counts only where audit events leave it something to tell: not of a write that they tell of (its revision, or
-- its generation), nor of an object that is gone by them (a uid never comes back), nor where it says a time that cannot be: an
-- object whose scale nobody timed gives that of the change before.
create view graph.k8s_moments as
select s.action_uuid, s.object_uuid, s.at, s.is_deleted,
    coalesce(s.replicas, w.replicas) as replicas, w.artifact_uri, w.model, w.model_version,
    o.cluster, o.api_group, o.kind, o.namespace, o.name, s.generation, s.revision
from graph.k8s_states s
join graph.k8s_objects o using (object_uuid)
cross join lateral (
    select l.replicas, l.artifact_uri, l.model, l.model_version
    from graph.k8s_states l
    where l.object_uuid = s.object_uuid and l.is_whole
        and (l.at, coalesce(l.generation, 0), coalesce(l.revision, 0), l.action_uuid)
            <= (s.at, coalesce(s.generation, 0), coalesce(s.revision, 0), s.action_uuid)
    order by l.at desc, coalesce(l.generation, 0) desc, coalesce(l.revision, 0) desc, l.action_uuid desc
    limit 1
) w
where not s.is_watched or not exists (
    select from graph.k8s_states a
    where a.object_uuid = s.object_uuid and not a.is_watched
        and case when s.is_deleted then a.is_deleted
            else a.is_deleted and a.at <= s.at
                or a.revision = s.revision
                or a.revision < s.revision and a.at > s.at
                or a.is_whole and (coalesce(a.generation, 0) = coalesce(s.generation, 0)
                    or coalesce(a.generation, 0) > coalesce(s.generation, 0) and a.at <= s.at) end);
comment on view graph.k8s_moments is 'What an object was from a moment on, with what earlier states say where one says less. What a watch saw is left out where audit events tell of it.';
comment on column graph.k8s_moments.action_uuid is 'The action.';
comment on column graph.k8s_moments.object_uuid is 'The object.';
comment on column graph.k8s_moments.at is 'The moment.';
comment on column graph.k8s_moments.is_deleted is 'It is gone, or going.';
comment on column graph.k8s_moments.replicas is 'How many shall run; null: not said.';
comment on column graph.k8s_moments.artifact_uri is 'From where it loads its model.';
comment on column graph.k8s_moments.model is 'The model that it serves.';
comment on column graph.k8s_moments.model_version is 'The version that is declared.';
comment on column graph.k8s_moments.cluster is 'The cluster.';
comment on column graph.k8s_moments.api_group is 'Group of its kind.';
comment on column graph.k8s_moments.kind is 'Its kind.';
comment on column graph.k8s_moments.namespace is 'Its namespace.';
comment on column graph.k8s_moments.name is 'Its name.';
comment on column graph.k8s_moments.generation is 'Counts changes of what it shall be; null: not said.';
comment on column graph.k8s_moments.revision is 'Its resourceVersion; null: not said.';

create view metaops.k8s_objects as
select o.cluster, o.kind, o.namespace, o.name, o.uid, o.api_group, o.first_at as first_seen, o.last_at as last_seen,
    (select coalesce(min(s.at) filter (where not s.is_watched), min(s.at)) from graph.k8s_states s
     where s.object_uuid = o.object_uuid and s.is_deleted) as deleted_at,
    l.generation, l.artifact_uri, l.model, l.model_version, l.images, l.annotations, l.labels, l.owners,
    w.is_ready, w.phase, w.reason, w.at as ready_at
from graph.k8s_objects o
left join lateral (
    select s.* from graph.k8s_states s
    where s.object_uuid = o.object_uuid and s.is_whole
    order by coalesce(s.generation, 0) desc, s.at desc, coalesce(s.revision, 0) desc, s.action_uuid desc
    limit 1
) l on true
left join lateral (
    select s.* from graph.k8s_states s
    where s.object_uuid = o.object_uuid and s.is_whole and s.is_watched
    order by s.at desc, coalesce(s.generation, 0) desc, coalesce(s.revision, 0) desc, s.action_uuid desc
    limit 1
) w on true;
comment on view metaops.k8s_objects is 'Objects of Kubernetes that were changed, or watched, as they were last.';
comment on column metaops.k8s_objects.cluster is 'The cluster.';
comment on column metaops.k8s_objects.kind is 'Its kind; empty while only answers without it have come.';
comment on column metaops.k8s_objects.namespace is 'Its namespace; empty: none.';
comment on column metaops.k8s_objects.name is 'Its name.';
comment on column metaops.k8s_objects.uid is 'Its uid: an object of the same name later has another.';
comment on column metaops.k8s_objects.api_group is 'Group of its kind; empty: the core group.';
comment on column metaops.k8s_objects.first_seen is 'Earliest time of a change.';
comment on column metaops.k8s_objects.last_seen is 'Latest time of a change.';
comment on column metaops.k8s_objects.deleted_at is 'When it was deleted, as audit events tell, else as a watch saw it, which may be before the answer; null: not yet.';
comment on column metaops.k8s_objects.generation is 'Counts changes of what it shall be.';
comment on column metaops.k8s_objects.artifact_uri is 'From where it loads its model: the first storageUri or modelUri.';
comment on column metaops.k8s_objects.model is 'The model that it serves.';
comment on column metaops.k8s_objects.model_version is 'The version, as it is declared.';
comment on column metaops.k8s_objects.images is 'Images of its containers: JSON array.';
comment on column metaops.k8s_objects.annotations is 'Annotations metaops.io/..., and those by which Airflow names a task: JSON object.';
comment on column metaops.k8s_objects.labels is 'Its labels: JSON object.';
comment on column metaops.k8s_objects.owners is 'Its ownerReferences: JSON array.';
comment on column metaops.k8s_objects.is_ready is 'It can do its work, as its condition Ready, Available, ModelReady or PipelineReady says; null: not said, or not watched.';
comment on column metaops.k8s_objects.phase is 'How far a pod, a job, an application of Spark or a SeldonDeployment is; null: not said, or not watched.';
comment on column metaops.k8s_objects.reason is 'Why it is ready, or not, in one word of its controller.';
comment on column metaops.k8s_objects.ready_at is 'By when it was seen so; null: it is not watched.';

create view metaops.deployments as
select d.namespace, d.name, graph.source_name(greatest(d.source, case when o.name is not null then 2 end)::smallint) as source,
    s.first_seen, s.last_seen, o.cluster, o.kind, o.uid
from graph.deployments d
left join (select deployment_uuid, min(first_at) as first_seen, max(last_at) as last_seen
           from graph.inference_streams group by deployment_uuid) s using (deployment_uuid)
left join lateral (
    select k.cluster, k.kind, k.uid, k.name
    from graph.k8s_objects k
    where k.namespace = d.namespace and k.name = d.name
        and exists (select from graph.k8s_states t where t.object_uuid = k.object_uuid and t.model is not null)
    order by k.last_at desc, k.object_uuid
    limit 1
) o on true;
comment on view metaops.deployments is 'What serves models: deployments of Seldon, inference services of KServe, servers of MLServer, objects of Kubernetes that name a model.';
comment on column metaops.deployments.namespace is 'Namespace of the deployment; empty where none was named.';
comment on column metaops.deployments.name is 'Its name.';
comment on column metaops.deployments.source is 'As in metaops.models.';
comment on column metaops.deployments.first_seen is 'Time of the earliest payload that names it.';
comment on column metaops.deployments.last_seen is 'Time of the latest payload that names it.';
comment on column metaops.deployments.cluster is 'The cluster of the object that was changed last under this name; null: none is known.';
comment on column metaops.deployments.kind is 'Kind of this object.';
comment on column metaops.deployments.uid is 'Uid of this object.';

create view metaops.served_versions as
select i.namespace, i.name as deployment, case when r.version is null then i.model else r.model end as model,
    coalesce(i.model_version, r.version) as version, i.artifact_uri, i.served_from, i.served_to, 'kubernetes' as source,
    case when r.version is null then 'declared' else 'inferred' end as confidence, a.actor as changed_by, i.cluster, i.kind, a.on_behalf_of, a.audit_id
from (select *, lead(served_from) over (partition by cluster, api_group, kind, namespace, name
                order by served_from, coalesce(generation, 0), coalesce(revision, 0), action_uuid) as served_to
      from (select cluster, api_group, kind, namespace, name, at as served_from, generation, revision, action_uuid, model, model_version, artifact_uri, is_serving,
                (is_serving, model, model_version, artifact_uri) is distinct from
                lag((is_serving, model, model_version, artifact_uri)) over object as is_change
            from (select *, not is_deleted and replicas is distinct from 0 as is_serving from graph.k8s_moments) m
            window object as (partition by cluster, api_group, kind, namespace, name order by at, coalesce(generation, 0), coalesce(revision, 0), action_uuid)) c
      where is_change) i
left join graph.actions a using (action_uuid)
left join lateral graph.version_of_artifact(case when i.model_version is null then i.artifact_uri end) r on true
where i.is_serving and i.model is not null;
comment on view metaops.served_versions is 'Which version of a model a deployment was told to serve from when to when, and by whom.';
comment on column metaops.served_versions.namespace is 'Namespace of deployment and model.';
comment on column metaops.served_versions.deployment is 'What serves: name of the object of Kubernetes.';
comment on column metaops.served_versions.model is 'The model.';
comment on column metaops.served_versions.version is 'Its version; null: none is declared.';
comment on column metaops.served_versions.artifact_uri is 'From where it is loaded; null: not said.';
comment on column metaops.served_versions.served_from is 'From then on.';
comment on column metaops.served_versions.served_to is 'Up to then, not including; null: still.';
comment on column metaops.served_versions.source is 'Who says so: kubernetes, its audit events or a watch.';
comment on column metaops.served_versions.confidence is 'declared: the object says so; inferred: it names an artifact, which is that of this version alone.';
comment on column metaops.served_versions.changed_by is 'Who changed it to this; null: only a watch saw it.';
comment on column metaops.served_versions.cluster is 'The cluster.';
comment on column metaops.served_versions.kind is 'Kind of the object.';
comment on column metaops.served_versions.on_behalf_of is 'Who asked to act as he; null: nobody.';
comment on column metaops.served_versions.audit_id is 'The request that changed it, as in metaops.actions; null: only a watch saw it.';

create function metaops.served_at(namespace text, deployment text, at timestamptz)
returns setof metaops.served_versions
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.* from metaops.served_versions s
    where s.namespace = served_at.namespace and s.deployment = served_at.deployment
        and s.served_from <= served_at.at and (s.served_to > served_at.at or s.served_to is null)
    order by s.served_from desc, s.cluster collate "C", s.kind collate "C"
$$;
comment on function metaops.served_at is 'What a deployment was told to serve at a moment.';

insert into graph.role_rights values
    ('metaops_writer', 'graph.actions', 'insert'),
    ('metaops_writer', 'graph.k8s_objects', 'insert, select, update'),
    ('metaops_writer', 'graph.k8s_states', 'insert'),
    ('metaops_reader', 'graph.actions', 'select'),
    ('metaops_reader', 'graph.k8s_objects', 'select'),
    ('metaops_reader', 'graph.k8s_states', 'select');

insert into graph.row_rules (name, is_granted, condition) values
    ('actions', true, 'namespace = any ((select graph.namespaces_of(current_user))::text[])'),
    ('k8s_objects', true, 'namespace = any ((select graph.namespaces_of(current_user))::text[])'),
    ('k8s_states', true, 'exists (select from graph.k8s_objects o where o.object_uuid = k8s_states.object_uuid)');
insert into graph.row_views values
    ('graph.k8s_moments'), ('metaops.actions'), ('metaops.actors'), ('metaops.k8s_objects'), ('metaops.deployments'),
    ('metaops.served_versions');
