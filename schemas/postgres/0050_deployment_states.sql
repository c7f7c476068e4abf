-- What serves models, and in which state it was: from watches of Kubernetes, which alone tell whether an object is ready. When it is
-- no row: it is read from the states of an object in the order of their times, however late one of them arrived.

create view graph.deployment_moments as
select s.object_uuid, s.action_uuid, s.at, coalesce(s.generation, 0) as generation, coalesce(s.revision, 0) as revision,
    case when s.is_deleted then 'GONE' when s.is_ready then 'READY' when not s.is_ready then 'UNAVAILABLE' else 'UNKNOWN' end as state,
    case when not s.is_deleted then s.reason end as reason, w.model, w.model_version, w.artifact_uri
from graph.k8s_states s
cross join lateral (
    select l.model, l.model_version, l.artifact_uri
    from graph.k8s_states l
    where l.object_uuid = s.object_uuid and l.is_watched and l.is_whole
        and (l.at, coalesce(l.generation, 0), coalesce(l.revision, 0), l.action_uuid)
            <= (s.at, coalesce(s.generation, 0), coalesce(s.revision, 0), s.action_uuid)
    order by l.at desc, coalesce(l.generation, 0) desc, coalesce(l.revision, 0) desc, l.action_uuid desc
    limit 1
) w
where s.is_watched and w.model is not null;
comment on view graph.deployment_moments is 'What a watch saw of objects that name a model; of one that vanished, what was seen of it before.';
comment on column graph.deployment_moments.object_uuid is 'The object.';
comment on column graph.deployment_moments.action_uuid is 'The event.';
comment on column graph.deployment_moments.at is 'By when it was so.';
comment on column graph.deployment_moments.generation is 'Counts changes of what it shall be; 0: not said.';
comment on column graph.deployment_moments.revision is 'Orders what was seen within one second.';
comment on column graph.deployment_moments.state is 'READY, UNAVAILABLE, UNKNOWN or GONE.';
comment on column graph.deployment_moments.reason is 'Why; null: not said.';
comment on column graph.deployment_moments.model is 'The model that it serves.';
comment on column graph.deployment_moments.model_version is 'The version that is declared; null: none.';
comment on column graph.deployment_moments.artifact_uri is 'From where it loads its model; null: not said.';

create view metaops.deployment_states as
select o.namespace, o.name as deployment, case when r.version is null then i.model else r.model end as model,
    coalesce(i.model_version, r.version) as version, i.artifact_uri, i.state, i.reason, i.since, i.until, o.cluster, o.kind, o.uid
from (select c.*, at as since, lead(at) over (partition by object_uuid order by at, generation, revision, action_uuid) as until
      from (select m.*, (state, reason, model, model_version, artifact_uri) is distinct from
                lag((state, reason, model, model_version, artifact_uri)) over (
                    partition by object_uuid order by at, generation, revision, action_uuid) as is_change
            from graph.deployment_moments m) c
      where is_change) i
join graph.k8s_objects o using (object_uuid)
left join lateral graph.version_of_artifact(case when i.model_version is null then i.artifact_uri end) r on true;
comment on view metaops.deployment_states is 'Which version of a model an object of Kubernetes had, and in which state it was, from when to when, as watches saw it.';
comment on column metaops.deployment_states.namespace is 'Its namespace.';
comment on column metaops.deployment_states.deployment is 'Its name.';
comment on column metaops.deployment_states.model is 'The model.';
comment on column metaops.deployment_states.version is 'Its version, as it is declared, or that of the artifact where it is one of this version alone; null: neither.';
comment on column metaops.deployment_states.artifact_uri is 'From where it is loaded; null: not said.';
comment on column metaops.deployment_states.state is 'READY; UNAVAILABLE: it says that it is not; UNKNOWN: it does not say; GONE: it is deleted, or being so.';
comment on column metaops.deployment_states.reason is 'Why, in one word of its controller; null: not said.';
comment on column metaops.deployment_states.since is 'From then on: times of a watch are ends of seconds.';
comment on column metaops.deployment_states.until is 'Up to then, not including; null: still.';
comment on column metaops.deployment_states.cluster is 'The cluster.';
comment on column metaops.deployment_states.kind is 'Kind of the object.';
comment on column metaops.deployment_states.uid is 'Its uid: an object of the same name later has another.';

insert into graph.row_views values ('graph.deployment_moments'), ('metaops.deployment_states');
