-- Which pods a run ran in. Both tell the same of it, or what comes to the same when it is made a label (schemas/run_mark.h),
-- and each side is stored by itself: so it does not matter which comes first.

create table graph.run_marks (
    mark uuid not null,
    run_uuid uuid not null,
    primary key (mark, run_uuid)
);
create index run_marks_run on graph.run_marks (run_uuid);
comment on table graph.run_marks is 'By what pods find their runs.';
comment on column graph.run_marks.mark is 'Version 5 UUID over the try of a task of Airflow, or over the id of an application of Spark.';
comment on column graph.run_marks.run_uuid is 'A run that tells it.';

create index k8s_states_run on graph.k8s_states (run_mark) where run_mark is not null;

create function graph.joined_by(annotations jsonb, labels jsonb) returns text
language sql immutable parallel safe
return case when annotations ? 'metaops.io/run-id' then 'annotation metaops.io/run-id'
    when annotations ? 'dag_id' then 'annotations of Airflow' when labels ? 'dag_id' then 'labels of Airflow'
    else 'label spark-app-selector' end;
comment on function graph.joined_by is 'By what an object that has a mark finds its run.';

create view metaops.run_objects as
select graph.run_name(r.run_id, r.run_uuid) as run_id, j.namespace as job_namespace, j.name as job_name, o.cluster, o.kind,
    o.namespace, o.name, o.uid, s.images, f.source,
    case f.source when 'annotation metaops.io/run-id' then 'declared' when 'labels of Airflow' then 'inferred' else 'observed' end
        as confidence, a.actor, a.on_behalf_of, s.at
from (select distinct on (s.object_uuid, s.run_mark) s.*
      from graph.k8s_states s
      where s.run_mark is not null
      order by s.object_uuid, s.run_mark, s.is_watched, s.at, coalesce(s.generation, 0), coalesce(s.revision, 0), s.action_uuid) s
join graph.k8s_objects o using (object_uuid)
cross join lateral (select m.run_uuid from graph.run_marks m where m.mark = s.run_mark union select s.run_mark) k
join graph.runs r on r.run_uuid = k.run_uuid
left join graph.jobs j using (job_uuid)
cross join lateral (values (graph.joined_by(s.annotations, s.labels))) f (source)
left join graph.actions a using (action_uuid);
comment on view metaops.run_objects is 'Pods, and other objects of Kubernetes, that runs ran in.';
comment on column metaops.run_objects.run_id is 'The run.';
comment on column metaops.run_objects.job_namespace is 'Namespace of its job.';
comment on column metaops.run_objects.job_name is 'Name of its job.';
comment on column metaops.run_objects.cluster is 'The cluster.';
comment on column metaops.run_objects.kind is 'Kind of the object.';
comment on column metaops.run_objects.namespace is 'Its namespace.';
comment on column metaops.run_objects.name is 'Its name.';
comment on column metaops.run_objects.uid is 'Its uid.';
comment on column metaops.run_objects.images is 'Images of its containers: JSON array.';
comment on column metaops.run_objects.source is 'What joins them.';
comment on column metaops.run_objects.confidence is
    'declared: an annotation names the run; observed: both tell the same; inferred: what the run tells makes the labels.';
comment on column metaops.run_objects.actor is 'Who made the object; null: not known.';
comment on column metaops.run_objects.on_behalf_of is 'Who asked to act as he; null: nobody.';
comment on column metaops.run_objects.at is 'When it was made, or first known to be of this run.';

insert into graph.role_rights values
    ('metaops_writer', 'graph.run_marks', 'insert, select'),
    ('metaops_reader', 'graph.run_marks', 'select');
insert into graph.row_rules (name, is_granted, condition) values
    ('run_marks', true, 'exists (select from graph.runs r where r.run_uuid = run_marks.run_uuid)');
insert into graph.row_views values ('metaops.run_objects');
