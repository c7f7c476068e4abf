-- The analysts' schema: stable views over the base tables. Views may only grow.
--
-- Everything here is a function of the set of accepted events: no arrival order, no arrival time. Where one
-- of several values is shown it is that of the latest event that carries it (event time, then event id).
-- Views that look one thing up (where namespace = ... and name = ...) go through the hash index on names
-- and then along keys; attributes that cost something are subqueries, so that a query that does not ask
-- for them does not pay for them.

create schema if not exists metaops;

create index runs_shown on graph.runs using hash (coalesce(run_id, run_uuid::text))
    with (fillfactor = 100);

-- helpers --------------------------------------------------------------------------------------------------

create function graph.run_name(run_id text, run_uuid uuid) returns text
language sql immutable parallel safe
return coalesce(run_id, run_uuid::text);

create function graph.state_name(state smallint) returns text
language sql immutable parallel safe
return case state when 0 then 'NEW' when 1 then 'RUNNING' when 2 then 'COMPLETED' when 3 then 'ABORTED'
    when 4 then 'FAILED' end;

-- A count in a facet: producers send numbers, and numbers as strings; anything else is unknown.
create function graph.json_count(value text) returns bigint
language sql immutable parallel safe
return case when value ~ '^[0-9]{1,18}$' then value::bigint end;

-- Names of the tool behind a job: what its jobType facet says, else what its producer shows.
create function graph.tool_name(integration text, producer text) returns text
language sql immutable parallel safe
return lower(coalesce(nullif(integration, ''),
    substring(producer from '(?i)(airflow|spark|dbt|flink|dagster|trino|hive|prefect|great_expectations|mlflow|debezium|snowflake|databricks)'),
    substring(producer from '/integration/([A-Za-z0-9_-]+)')));

-- Current facets of jobs and datasets (place "facets"); the latest version of each producer family, hidden
-- ones included: whoever reads them leaves out what is deleted.
create view graph.current_facets as
select distinct on (f.subject_uuid, f.name, f.family)
    f.subject_uuid, f.name, f.family, f.digest, s.last_at, s.last_by
from graph.statement_facets f
join graph.statements s using (statement_id)
order by f.subject_uuid, f.name, f.family, s.last_at desc, s.last_by desc, f.digest desc;

-- One text of the latest current facet of a name.
create function graph.current_text(subject uuid, facet text, member text) returns text
language sql stable parallel safe
begin atomic
    select c.content ->> member
    from graph.current_facets cf
    join graph.facet_contents c using (digest)
    where cf.subject_uuid = subject and cf.name = facet and not c.deleted
    order by cf.last_at desc, cf.last_by desc, cf.digest desc limit 1;
end;

-- The run of a job's latest run event.
create function graph.last_run(job uuid) returns table (run_uuid uuid)
language sql stable parallel safe
begin atomic
    select e.run_uuid
    from (
        select s.last_at, s.last_by
        from graph.statements s
        where s.job_uuid = job and s.kind = 1
        order by s.last_at desc, s.last_by desc limit 1
    ) l
    join graph.events e on e.event_id = l.last_by and e.event_time = l.last_at;
end;

-- Schema facets said of a dataset, one row per distinct facet and way of knowing it: stated by who writes the
-- dataset or describes it, or seen by a reader.
create function graph.schemas_of(dataset uuid)
returns table (digest uuid, stated boolean, first_at timestamptz, last_at timestamptz, last_by uuid,
               producer text, deleted boolean, content jsonb)
language sql stable parallel safe
begin atomic
    select said.digest, said.stated, said.first_at, said.last_at, said.last_by, said.producer, c.deleted,
        c.content
    from (
        select d.digest, sd.direction <> 0 as stated, min(s.first_at) as first_at,
            max(s.last_at) as last_at,
            (array_agg(s.last_by order by s.last_at desc, s.last_by desc))[1] as last_by,
            (array_agg(s.producer order by s.last_at desc, s.last_by desc))[1] as producer
        from graph.statement_datasets sd
        join graph.descriptions d on d.description_id = sd.description_id and d.name = 'schema'
        join graph.statements s using (statement_id)
        where sd.dataset_uuid = dataset
        group by d.digest, sd.direction <> 0
    ) said
    join graph.facets c using (digest)
    -- A schema without fields says nothing.
    where c.deleted or jsonb_path_exists(c.content, 'lax $.fields[*].name');
end;

-- The latest COMPLETE event that wrote a dataset: its run, and the digest of what it says of rows and bytes: in
-- that event, else in the latest event of the run that says anything.
create function graph.last_write(dataset uuid) returns table (run_uuid uuid, statistics uuid)
language sql stable parallel safe
begin atomic
    select e.run_uuid, coalesce(
        (select graph.slot_digest(e.facet_digests, l.slot)
         from graph.layouts l
         where l.layout_id = (select s.layout_id from graph.statements s
                              where s.statement_id = e.statement_id)
             and l.subject_uuid = dataset and l.name = 'outputStatistics'
         order by l.slot desc limit 1),
        (select graph.slot_digest(e2.facet_digests, l.slot)
         from graph.events e2
         join graph.statements s on s.statement_id = e2.statement_id
         join graph.layouts l on l.layout_id = s.layout_id and l.subject_uuid = dataset
             and l.name = 'outputStatistics'
         where e2.run_uuid = e.run_uuid
             and exists (select from graph.layouts o
                         where o.subject_uuid = dataset and o.name = 'outputStatistics')
         order by e2.event_time desc, e2.event_id desc, l.slot desc limit 1))
    from (
        select s.written_at, s.written_by
        from graph.io_sets i
        join graph.statements s using (io_id)
        where i.dataset_uuid = dataset and i.direction = 1 and s.written_at is not null
        order by s.written_at desc, s.written_by desc limit 1
    ) w
    join graph.events e on e.event_id = w.written_by and e.event_time = w.written_at;
end;

-- First and last event time of a dataset; of one that only column lineage names, those of that facet.
create function graph.dataset_seen(dataset uuid, confirmed boolean)
returns table (first_at timestamptz, last_at timestamptz)
language sql stable parallel safe
begin atomic
    select s.first_at, s.last_at
    from graph.io_sets i
    join graph.statements s using (io_id)
    where i.dataset_uuid = dataset
    union all
    select s.first_at, s.last_at
    from graph.column_edges ce
    join graph.descriptions d on d.digest = ce.digest
    join graph.statement_datasets sd on sd.dataset_uuid = ce.output_uuid
        and sd.description_id = d.description_id
    join graph.statements s on s.statement_id = sd.statement_id
        and coalesce(s.job_uuid, '00000000-0000-0000-0000-000000000000') = ce.job_uuid
    where ce.input_uuid = dataset and not confirmed;
end;

-- names ----------------------------------------------------------------------------------------------------

create view metaops.namespaces as
select n.namespace, sum(n.datasets)::bigint as datasets, sum(n.jobs)::bigint as jobs
from (
    select namespace, count(*) as datasets, 0 as jobs from graph.datasets group by namespace
    union all
    select namespace, 0, count(*) from graph.jobs group by namespace
) n
group by n.namespace;
comment on view metaops.namespaces is 'Every namespace that a dataset or a job has.';
comment on column metaops.namespaces.namespace is 'Namespace as it was sent.';
comment on column metaops.namespaces.datasets is 'Datasets in it, unconfirmed ones included.';
comment on column metaops.namespaces.jobs is 'Jobs in it.';

create view metaops.datasets as
select d.namespace, d.name, d.confirmed,
    (select (select string_agg(o.owner #>> '{}', ', ' order by o.place)
             from jsonb_path_query(c.content, 'lax $.owners[*].name') with ordinality o (owner, place))
     from graph.current_facets cf join graph.facet_contents c using (digest)
     where cf.subject_uuid = d.dataset_uuid and cf.name = 'ownership' and not c.deleted
     order by cf.last_at desc, cf.last_by desc, cf.digest desc limit 1) as owner,
    graph.current_text(d.dataset_uuid, 'documentation', 'description') as description,
    (select array_agg(distinct case when t.tag ->> 'value' is null or t.tag ->> 'value' = 'true'
                          then t.tag ->> 'key' else (t.tag ->> 'key') || '=' || (t.tag ->> 'value') end)
     from graph.current_facets cf join graph.facet_contents c using (digest)
     cross join lateral jsonb_path_query(c.content, 'lax $.tags[*]') t (tag)
     where cf.subject_uuid = d.dataset_uuid and cf.name = 'tags' and not c.deleted
         and t.tag ->> 'key' is not null and t.tag ->> 'field' is null) as tags,
    (select max(s.written_at)
     from graph.io_sets i join graph.statements s using (io_id)
     where i.dataset_uuid = d.dataset_uuid and i.direction = 1) as last_written_at,
    (select graph.run_name(r.run_id, r.run_uuid)
     from graph.last_write(d.dataset_uuid) w join graph.runs r on r.run_uuid = w.run_uuid) as last_run_id,
    (select graph.json_count(c.content ->> 'rowCount')
     from graph.last_write(d.dataset_uuid) w join graph.facet_contents c on c.digest = w.statistics)
        as last_rows,
    (select graph.json_count(c.content ->> 'size')
     from graph.last_write(d.dataset_uuid) w join graph.facet_contents c on c.digest = w.statistics)
        as last_bytes,
    (select min(seen.first_at) from graph.dataset_seen(d.dataset_uuid, d.confirmed) seen) as first_seen,
    (select max(seen.last_at) from graph.dataset_seen(d.dataset_uuid, d.confirmed) seen) as last_seen
from graph.datasets d;
comment on view metaops.datasets is
    'Every dataset under the name it was sent with; dataset_symlinks tells which names are one thing.';
comment on column metaops.datasets.namespace is 'Namespace of the dataset.';
comment on column metaops.datasets.name is 'Name of the dataset within its namespace.';
comment on column metaops.datasets.confirmed is
    'True for inputs, outputs and dataset events; false when only a column lineage facet names it (SQL aliases).';
comment on column metaops.datasets.owner is 'Owners of the current ownership facet, joined by a comma.';
comment on column metaops.datasets.description is 'Text of the current documentation facet.';
comment on column metaops.datasets.tags is
    'Current tags of the dataset as key=value, or key alone when the value is true; tags of fields are in dataset_fields.';
comment on column metaops.datasets.last_written_at is
    'Event time of the latest COMPLETE event with this dataset as output.';
comment on column metaops.datasets.last_run_id is 'Run of that event.';
comment on column metaops.datasets.last_rows is 'Rows that run says it wrote (outputStatistics).';
comment on column metaops.datasets.last_bytes is 'Bytes that run says it wrote (outputStatistics).';
comment on column metaops.datasets.first_seen is 'Earliest event time of an event that names it.';
comment on column metaops.datasets.last_seen is 'Latest event time of an event that names it.';

create view metaops.dataset_symlinks as
select d.namespace, d.name, l.other_namespace, l.other_name, l.type
from graph.symlinks l
join graph.datasets d using (dataset_uuid);
comment on view metaops.dataset_symlinks is
    'Other names of a dataset (symlinks facet). Traversals and functions treat them as one node.';
comment on column metaops.dataset_symlinks.namespace is 'Namespace of the dataset that has the facet.';
comment on column metaops.dataset_symlinks.name is 'Name of the dataset that has the facet.';
comment on column metaops.dataset_symlinks.other_namespace is 'Namespace of the other name.';
comment on column metaops.dataset_symlinks.other_name is 'The other name; it need not be a dataset of its own.';
comment on column metaops.dataset_symlinks.type is 'Kind of the other name as sent: TABLE, LOCATION, ...';

create view metaops.jobs as
select j.namespace, j.name,
    (select string_agg(o.owner #>> '{}', ', ' order by o.place)
     from jsonb_path_query(f.facets -> 'ownership', 'lax $.owners[*].name') with ordinality o (owner, place))
        as owner,
    f.facets #>> '{documentation,description}' as description,
    (select array_agg(distinct case when t.tag ->> 'value' is null or t.tag ->> 'value' = 'true'
                          then t.tag ->> 'key' else (t.tag ->> 'key') || '=' || (t.tag ->> 'value') end)
     from graph.current_facets cf join graph.facet_contents c using (digest)
     cross join lateral jsonb_path_query(c.content, 'lax $.tags[*]') t (tag)
     where cf.subject_uuid = j.job_uuid and cf.name = 'tags' and not c.deleted
         and t.tag ->> 'key' is not null) as tags,
    f.facets #>> '{jobType,jobType}' as job_type,
    f.facets #>> '{jobType,integration}' as integration,
    f.facets #>> '{jobType,processingType}' as processing_type,
    f.facets #>> '{sql,query}' as sql,
    f.facets #>> '{sourceCodeLocation,url}' as source_url,
    f.facets #>> '{sourceCodeLocation,version}' as source_commit,
    (select min(s.first_at) from graph.statements s where s.job_uuid = j.job_uuid) as first_seen,
    (select max(s.last_at) from graph.statements s where s.job_uuid = j.job_uuid) as last_seen,
    (select graph.run_name(r.run_id, r.run_uuid)
     from graph.last_run(j.job_uuid) l join graph.runs r using (run_uuid)) as last_run_id,
    (select graph.state_name(r.state)
     from graph.last_run(j.job_uuid) l join graph.runs r using (run_uuid)) as last_state,
    (select count(*) from graph.runs r where r.job_uuid = j.job_uuid) as runs,
    graph.tool_name(f.facets #>> '{jobType,integration}',
        (select s.producer from graph.statements s where s.job_uuid = j.job_uuid
         order by s.last_at desc, s.last_by desc limit 1)) as tool
from graph.jobs j
cross join lateral (
    -- The latest current facet of each name, of whatever producer.
    select jsonb_object_agg(one.name, one.content) as facets
    from (
        select distinct on (cf.name) cf.name, c.content
        from graph.current_facets cf
        join graph.facets c using (digest)
        where cf.subject_uuid = j.job_uuid and not c.deleted
            and cf.name in ('documentation', 'jobType', 'ownership', 'sourceCodeLocation', 'sql')
        order by cf.name, cf.last_at desc, cf.last_by desc, cf.digest desc
    ) one
) f;
comment on view metaops.jobs is 'Every job that an event, or the parent facet of one, names.';
comment on column metaops.jobs.namespace is 'Namespace of the job.';
comment on column metaops.jobs.name is 'Name of the job within its namespace.';
comment on column metaops.jobs.owner is 'Owners of the current ownership facet, joined by a comma.';
comment on column metaops.jobs.description is 'Text of the current documentation facet.';
comment on column metaops.jobs.tags is 'Current tags as key=value, or key alone when the value is true.';
comment on column metaops.jobs.job_type is 'What the job is to its tool: DAG, TASK, MODEL, APPLICATION, ...';
comment on column metaops.jobs.integration is 'The tool as the jobType facet names it.';
comment on column metaops.jobs.processing_type is 'BATCH, STREAMING or what else the jobType facet says.';
comment on column metaops.jobs.sql is 'Statement of the current sql facet.';
comment on column metaops.jobs.source_url is 'Where the code is (sourceCodeLocation).';
comment on column metaops.jobs.source_commit is 'Version of the code (sourceCodeLocation), usually a commit.';
comment on column metaops.jobs.first_seen is 'Earliest event time; null for a job only named as a parent.';
comment on column metaops.jobs.last_seen is 'Latest event time; null for a job only named as a parent.';
comment on column metaops.jobs.last_run_id is 'Run of the latest run event of the job.';
comment on column metaops.jobs.last_state is 'State of that run.';
comment on column metaops.jobs.runs is 'Runs whose events name this job.';
comment on column metaops.jobs.tool is
    'The tool in lower case: the integration of the jobType facet, else read from the producer.';

-- runs -----------------------------------------------------------------------------------------------------

create view metaops.runs as
select graph.run_name(r.run_id, r.run_uuid) as run_id, j.namespace as job_namespace, j.name as job_name,
    graph.state_name(r.state) as state,
    coalesce(r.started_at, r.first_at) as started_at, r.ended_at,
    case when r.ended_at >= coalesce(r.started_at, r.first_at)
        then round(extract(epoch from r.ended_at - coalesce(r.started_at, r.first_at)) * 1000)::bigint end
        as duration_ms,
    graph.run_name(p.run_id, r.parent_uuid) as parent_run_id,
    graph.run_name(o.run_id, coalesce(r.root_uuid, r.parent_uuid)) as root_run_id,
    r.nominal_start, r.nominal_end, r.error_message,
    r.first_at as first_seen,
    pj.namespace as parent_job_namespace, pj.name as parent_job_name
from graph.runs r
left join graph.jobs j on j.job_uuid = r.job_uuid
left join graph.runs p on p.run_uuid = r.parent_uuid
left join graph.runs o on o.run_uuid = coalesce(r.root_uuid, r.parent_uuid)
left join graph.jobs pj on pj.job_uuid = p.job_uuid;
comment on view metaops.runs is 'Every run that an event, or the parent facet of one, names.';
comment on column metaops.runs.run_id is 'Run id: a UUID in its canonical form, else as sent.';
comment on column metaops.runs.job_namespace is 'Namespace of the run''s job.';
comment on column metaops.runs.job_name is 'Name of the run''s job; the run''s own events beat mentions.';
comment on column metaops.runs.state is
    'By rank, whatever the order of events: FAILED, ABORTED, COMPLETED, RUNNING, NEW.';
comment on column metaops.runs.started_at is 'Event time of the earliest START, else of the earliest event.';
comment on column metaops.runs.ended_at is 'Event time of the latest COMPLETE, ABORT or FAIL.';
comment on column metaops.runs.duration_ms is 'ended_at - started_at; null when negative or not ended.';
comment on column metaops.runs.parent_run_id is 'Run of the parent facet.';
comment on column metaops.runs.root_run_id is 'Root of the parent facet, else the parent.';
comment on column metaops.runs.nominal_start is 'Start of the time the run is about (nominalTime).';
comment on column metaops.runs.nominal_end is 'End of the time the run is about (nominalTime).';
comment on column metaops.runs.error_message is 'Message of the latest errorMessage facet.';
comment on column metaops.runs.first_seen is 'Earliest event time; null for a run only named as a parent.';
comment on column metaops.runs.parent_job_namespace is 'Namespace of the parent run''s job.';
comment on column metaops.runs.parent_job_name is 'Name of the parent run''s job.';

create view metaops.run_inputs as
select graph.run_name(r.run_id, r.run_uuid) as run_id, j.namespace as job_namespace, j.name as job_name,
    d.namespace as dataset_namespace, d.name as dataset_name, min(ri.first_at) as first_seen
from graph.runs r
join graph.run_io_sets ri using (run_uuid)
join graph.io_sets i on i.io_id = ri.io_id and i.direction = 0
join graph.jobs j on j.job_uuid = i.job_uuid
join graph.datasets d on d.dataset_uuid = i.dataset_uuid
group by r.run_uuid, j.job_uuid, d.dataset_uuid, graph.run_name(r.run_id, r.run_uuid), j.namespace, j.name,
    d.namespace, d.name;
comment on view metaops.run_inputs is 'What each run read, as its events say; nothing is ever taken away.';

create view metaops.run_outputs as
select graph.run_name(r.run_id, r.run_uuid) as run_id, j.namespace as job_namespace, j.name as job_name,
    d.namespace as dataset_namespace, d.name as dataset_name, min(ri.first_at) as first_seen
from graph.runs r
join graph.run_io_sets ri using (run_uuid)
join graph.io_sets i on i.io_id = ri.io_id and i.direction = 1
join graph.jobs j on j.job_uuid = i.job_uuid
join graph.datasets d on d.dataset_uuid = i.dataset_uuid
group by r.run_uuid, j.job_uuid, d.dataset_uuid, graph.run_name(r.run_id, r.run_uuid), j.namespace, j.name,
    d.namespace, d.name;
comment on view metaops.run_outputs is 'What each run wrote or was to write, as its events say.';

do $$
declare
    view_name text;
begin
    foreach view_name in array array['run_inputs', 'run_outputs'] loop
        execute format('comment on column metaops.%I.run_id is %L', view_name, 'The run.');
        execute format('comment on column metaops.%I.job_namespace is %L', view_name,
            'Namespace of the job named in the event.');
        execute format('comment on column metaops.%I.job_name is %L', view_name,
            'Name of the job named in the event.');
        execute format('comment on column metaops.%I.dataset_namespace is %L', view_name,
            'Namespace of the dataset.');
        execute format('comment on column metaops.%I.dataset_name is %L', view_name,
            'Name of the dataset.');
        execute format('comment on column metaops.%I.first_seen is %L', view_name,
            'Earliest event time of the run''s events that name the dataset so.');
    end loop;
end $$;

-- edges ----------------------------------------------------------------------------------------------------

create view metaops.edges as
select j.namespace as job_namespace, j.name as job_name, d.namespace as dataset_namespace,
    d.name as dataset_name, case i.direction when 0 then 'input' else 'output' end as direction,
    min(s.first_at) as first_seen, max(s.last_at) as last_seen, count(distinct ri.run_uuid) as runs
from graph.edges e
join graph.jobs j using (job_uuid)
join graph.datasets d using (dataset_uuid)
join graph.io_sets i on i.dataset_uuid = e.dataset_uuid and i.direction = e.direction
    and i.job_uuid = e.job_uuid
cross join lateral (
    select min(st.first_at) as first_at, max(st.last_at) as last_at
    from graph.statements st
    where st.io_id = i.io_id
) s
left join graph.run_io_sets ri on ri.io_id = i.io_id
-- By id too: names that were told apart may be shown alike.
group by e.job_uuid, e.dataset_uuid, j.namespace, j.name, d.namespace, d.name,
    case i.direction when 0 then 'input' else 'output' end;
comment on view metaops.edges is
    'Which job reads or writes which dataset. An edge belongs to the job named in the event that carries it.';
comment on column metaops.edges.job_namespace is 'Namespace of the job.';
comment on column metaops.edges.job_name is 'Name of the job.';
comment on column metaops.edges.dataset_namespace is 'Namespace of the dataset.';
comment on column metaops.edges.dataset_name is 'Name of the dataset.';
comment on column metaops.edges.direction is 'input: the job reads it; output: the job writes it.';
comment on column metaops.edges.first_seen is 'Earliest event time of an event that carries the edge.';
comment on column metaops.edges.last_seen is 'Latest event time of an event that carries the edge.';
comment on column metaops.edges.runs is 'Distinct runs whose events carry the edge.';

create view metaops.column_lineage as
select o.namespace as output_namespace, o.name as output_name, ce.output_field,
    i.namespace as input_namespace, i.name as input_name, ce.input_field,
    nullif(ce.type, '') as type, nullif(ce.subtype, '') as subtype, ce.masking,
    j.namespace as job_namespace, j.name as job_name,
    min(s.first_at) as first_seen, max(s.last_at) as last_seen
from graph.column_edges ce
join graph.datasets o on o.dataset_uuid = ce.output_uuid
join graph.datasets i on i.dataset_uuid = ce.input_uuid
join graph.descriptions f on f.digest = ce.digest
join graph.statement_datasets sd on sd.dataset_uuid = ce.output_uuid
    and sd.description_id = f.description_id
join graph.statements s on s.statement_id = sd.statement_id
    and coalesce(s.job_uuid, '00000000-0000-0000-0000-000000000000') = ce.job_uuid
left join graph.jobs j on j.job_uuid = ce.job_uuid
group by ce.output_uuid, ce.input_uuid, ce.job_uuid, o.namespace, o.name, ce.output_field, i.namespace,
    i.name, ce.input_field, nullif(ce.type, ''), nullif(ce.subtype, ''), ce.masking, j.namespace, j.name;
comment on view metaops.column_lineage is
    'Which field is made of which, one row per output field, input field and transformation.';
comment on column metaops.column_lineage.output_namespace is 'Namespace of the dataset that is made.';
comment on column metaops.column_lineage.output_name is 'Name of the dataset that is made.';
comment on column metaops.column_lineage.output_field is
    'Field that is made; null when the input touches every field of the dataset (a filter, a join, an order).';
comment on column metaops.column_lineage.input_namespace is 'Namespace of the dataset that is read.';
comment on column metaops.column_lineage.input_name is 'Name of the dataset that is read.';
comment on column metaops.column_lineage.input_field is 'Field that is read.';
comment on column metaops.column_lineage.type is 'DIRECT or INDIRECT; null when nothing is said.';
comment on column metaops.column_lineage.subtype is 'IDENTITY, TRANSFORMATION, FILTER, JOIN, ...';
comment on column metaops.column_lineage.masking is 'True when the transformation hides the value.';
comment on column metaops.column_lineage.job_namespace is 'Namespace of the job; null for dataset events.';
comment on column metaops.column_lineage.job_name is 'Name of the job; null for dataset events.';
comment on column metaops.column_lineage.first_seen is 'Earliest event time of an event that says so.';
comment on column metaops.column_lineage.last_seen is 'Latest event time of an event that says so.';

-- events and what runs the pipeline ------------------------------------------------------------------------

create view metaops.events as
select e.event_id, e.event_time, e.received_at,
    case s.kind when 1 then 'run' when 2 then 'job' when 3 then 'dataset' end as kind,
    e.event_type, case when e.run_uuid is not null then graph.run_name(r.run_id, e.run_uuid) end as run_id,
    j.namespace as job_namespace, j.name as job_name, s.producer,
    case e.source when 0 then 'http' when 1 then 'kafka' when 2 then 'emitter' when 3 then 'file' end
        as source,
    e.principal, coalesce(e.redactions, 0)::int as redactions, e.topic,
    e.kafka_partition::int as partition, e.kafka_offset, e.emitter_id,
    e.emitter_epoch, e.emitter_sequence, e.idempotency_key, e.body_bytes
from graph.events e
left join graph.statements s using (statement_id)
left join graph.runs r on r.run_uuid = e.run_uuid
left join graph.jobs j on j.job_uuid = s.job_uuid;
comment on view metaops.events is
    'Every accepted event once, with its way in. metaops.event_body(event_id) gives its text.';
comment on column metaops.events.event_id is 'First half of SHA-256 of the event''s text as stored.';
comment on column metaops.events.event_time is 'eventTime of the event.';
comment on column metaops.events.received_at is 'When the pipeline received it.';
comment on column metaops.events.kind is 'run, job or dataset.';
comment on column metaops.events.event_type is 'eventType as sent: START, RUNNING, COMPLETE, ...';
comment on column metaops.events.run_id is 'Run of a run event.';
comment on column metaops.events.job_namespace is 'Namespace of the job named in the event.';
comment on column metaops.events.job_name is 'Name of the job named in the event.';
comment on column metaops.events.producer is 'producer as sent.';
comment on column metaops.events.source is 'The way in: http, kafka, emitter or file.';
comment on column metaops.events.principal is 'Who sent it, when that is known.';
comment on column metaops.events.redactions is 'Secrets that were cut out before it was stored.';
comment on column metaops.events.topic is 'Kafka topic of the first record with this event.';
comment on column metaops.events.partition is 'Partition of that record.';
comment on column metaops.events.kafka_offset is 'Offset of that record.';
comment on column metaops.events.emitter_id is 'Emitter that sent it, if one did.';
comment on column metaops.events.emitter_epoch is 'Start number of that emitter.';
comment on column metaops.events.emitter_sequence is 'Sequence number of that emitter.';
comment on column metaops.events.idempotency_key is 'The sender''s Idempotency-Key, recorded only.';
comment on column metaops.events.body_bytes is 'Length of the event''s text.';

create view metaops.dead_letters as
select event_id, failed_at, stage, reason, json_pointer, byte_offset, topic, partition, kafka_offset,
    record_at, octet_length(value) as value_bytes, retried_at, letter_id
from graph.dead_letters;
comment on view metaops.dead_letters is 'Records that could not be used, without their bytes.';
comment on column metaops.dead_letters.event_id is 'Event id, when the record could be read that far.';
comment on column metaops.dead_letters.failed_at is 'When it was put aside.';
comment on column metaops.dead_letters.stage is 'Where it failed: decode, check, ...';
comment on column metaops.dead_letters.reason is 'Why.';
comment on column metaops.dead_letters.json_pointer is 'Place of the fault in the event.';
comment on column metaops.dead_letters.byte_offset is 'The same as a byte offset.';
comment on column metaops.dead_letters.topic is 'Kafka topic of the first such record.';
comment on column metaops.dead_letters.partition is 'Partition of that record.';
comment on column metaops.dead_letters.kafka_offset is 'Offset of that record.';
comment on column metaops.dead_letters.record_at is 'Kafka''s time stamp of that record.';
comment on column metaops.dead_letters.value_bytes is 'Length of the record.';
comment on column metaops.dead_letters.retried_at is 'When it was sent again.';
comment on column metaops.dead_letters.letter_id is 'Event id, else the digest of the record.';

create view metaops.offsets as
select cluster_id, topic, partition, next_offset, last_id, to_timestamp(last_timestamp_ms / 1000.0) as last_at,
    stopped_reason, updated_at
from graph.offsets;
comment on view metaops.offsets is 'How far each partition is stored; moved in the transaction of the rows.';
comment on column metaops.offsets.cluster_id is 'Kafka cluster.';
comment on column metaops.offsets.topic is 'Topic.';
comment on column metaops.offsets.partition is 'Partition.';
comment on column metaops.offsets.next_offset is 'The first offset that is not stored yet.';
comment on column metaops.offsets.last_id is 'Id of the record before next_offset.';
comment on column metaops.offsets.last_at is 'Kafka''s time stamp of that record.';
comment on column metaops.offsets.stopped_reason is 'Why the partition is not read any more, if so.';
comment on column metaops.offsets.updated_at is 'When the row was last moved.';
