-- Views over facets: every version of every facet, schemas and their fields, versions of jobs.

create view metaops.facets as
with said as (
    -- Facets of jobs and datasets belong to the statement; those of runs, inputs and outputs to each event.
    select 'dataset' as subject_kind, d.dataset_uuid as subject, d.namespace, d.name, null::text as run_id,
        0::smallint as place, f.name as facet, f.family, f.digest, s.first_at, s.last_at, s.last_by
    from graph.datasets d
    join graph.statement_datasets sd using (dataset_uuid)
    join graph.descriptions f using (description_id)
    join graph.statements s using (statement_id)
    union all
    select 'job', j.job_uuid, j.namespace, j.name, null, 0::smallint, f.name, f.family, f.digest, s.first_at,
        s.last_at, s.last_by
    from graph.jobs j
    join graph.statements s using (job_uuid)
    join graph.descriptions f on f.description_id = s.job_description
    union all
    select 'dataset', d.dataset_uuid, d.namespace, d.name, null, l.place, l.name, l.family,
        graph.slot_digest(e.facet_digests, l.slot), e.event_time, e.event_time, e.event_id
    from graph.datasets d
    join graph.io_sets i using (dataset_uuid)
    join graph.statements s using (io_id)
    join graph.events e using (statement_id)
    join graph.layouts l on l.layout_id = s.layout_id and l.subject_uuid = d.dataset_uuid
    union all
    select 'run', r.run_uuid, j.namespace, j.name, graph.run_name(r.run_id, r.run_uuid), l.place, l.name,
        l.family, graph.slot_digest(e.facet_digests, l.slot), e.event_time, e.event_time, e.event_id
    from graph.runs r
    left join graph.jobs j using (job_uuid)
    join graph.events e using (run_uuid)
    join graph.statements s on s.statement_id = e.statement_id
    join graph.layouts l on l.layout_id = s.layout_id and l.subject_kind = 1
), versions as (
    -- By subject too: names that were told apart may be shown alike.
    select subject_kind, subject, namespace, name, run_id, place, facet, family, digest,
        min(first_at) as first_at, max(last_at) as last_at,
        (array_agg(last_by order by last_at desc, last_by desc))[1] as last_by
    from said
    group by subject_kind, subject, namespace, name, run_id, place, facet, family, digest
), ranked as (
    select v.*, row_number() over (
        partition by subject_kind, subject, namespace, name, run_id, place, facet, family
        order by last_at desc, last_by desc, digest desc) as age
    from versions v
)
select k.subject_kind, k.namespace, k.name, k.run_id,
    case k.place when 0 then 'facets' when 1 then 'inputFacets' when 2 then 'outputFacets' end as place,
    k.facet, k.family as producer_family, k.digest, c.content, k.last_at as event_time,
    k.first_at as first_seen, k.age = 1 and not c.deleted as current, c.deleted
from ranked k
join graph.facet_contents c using (digest);
comment on view metaops.facets is
    'Every version of every facet, unknown ones too. Current is the latest per subject, place, facet and producer family.';
comment on column metaops.facets.subject_kind is 'What the facet is about: dataset, job or run.';
comment on column metaops.facets.namespace is 'Namespace of the dataset or job; for a run that of its job.';
comment on column metaops.facets.name is 'Name of the dataset or job; for a run that of its job.';
comment on column metaops.facets.run_id is 'The run; null for datasets and jobs.';
comment on column metaops.facets.place is 'facets, inputFacets or outputFacets.';
comment on column metaops.facets.facet is 'Name of the facet.';
comment on column metaops.facets.producer_family is 'Who says it: the facet''s or event''s producer without versions.';
comment on column metaops.facets.digest is 'Digest of the content in canonical form.';
comment on column metaops.facets.content is 'The content, cleaned for jsonb.';
comment on column metaops.facets.event_time is 'Latest event time with this content.';
comment on column metaops.facets.first_seen is 'Earliest event time with this content.';
comment on column metaops.facets.current is 'True for the latest version, unless that one deletes the facet.';
comment on column metaops.facets.deleted is 'True when this version says _deleted.';

-- Fields of a dataset: those of the latest stated schema, and those that only readers have seen. The type of a
-- field is the latest one that anybody stated: a missing or masked type takes none away.
create function graph.fields_of(dataset uuid)
returns table (field text, type text, ordinal bigint, known text, producer text, description text,
               first_at timestamptz, last_at timestamptz)
language sql stable parallel safe
begin atomic
    with schemas as materialized (
        select * from graph.schemas_of(dataset)
    ), accepted as (
        select s.digest, s.producer
        from schemas s
        where s.stated
        order by s.last_at desc, s.last_by desc, s.digest desc limit 1
    ), said as materialized (
        select ff.name, ff.type, ff.ordinal, nullif(ff.description, '') as description, s.digest,
            s.stated, s.first_at, s.last_at, s.last_by, s.producer
        from schemas s
        cross join lateral graph.schema_fields(s.content) ff
        where not s.deleted
    ), fields as (
        select t.name,
            bool_or(t.stated) as stated,
            (array_agg(t.type order by t.last_at desc, t.last_by desc, t.digest desc)
                filter (where t.stated and t.type is not null))[1] as stated_type,
            (array_agg(t.type order by t.last_at desc, t.last_by desc, t.digest desc)
                filter (where t.type is not null))[1] as any_type,
            min(t.first_at) filter (where t.stated) as stated_first,
            max(t.last_at) filter (where t.stated) as stated_last,
            min(t.first_at) as any_first, max(t.last_at) as any_last,
            (array_agg(t.producer order by t.last_at desc, t.last_by desc, t.digest desc))[1] as any_producer,
            (array_agg(t.description order by t.last_at desc, t.last_by desc, t.digest desc))[1]
                as any_description,
            (array_agg(t.ordinal order by t.last_at desc, t.last_by desc, t.digest desc))[1] as any_ordinal
        from said t
        group by t.name
    )
    -- The first of two fields with one name counts. A deleted schema has none.
    select one.name, one.stated_type, row_number() over (order by one.ordinal), 'stated', one.producer,
        one.description, one.stated_first, one.stated_last
    from (
        select distinct on (t.name) t.name, f.stated_type, t.ordinal, a.producer, t.description,
            f.stated_first, f.stated_last
        from accepted a
        join said t on t.digest = a.digest and t.stated
        join fields f on f.name = t.name
        order by t.name, t.ordinal
    ) one
    union all
    select f.name, f.any_type,
        (select count(distinct t.name) from accepted a join said t on t.digest = a.digest and t.stated)
        + row_number() over (order by f.any_ordinal, f.name collate "C"),
        'seen', f.any_producer, f.any_description, f.any_first, f.any_last
    from fields f
    where not f.stated;
end;

create view metaops.dataset_fields as
select d.namespace, d.name, f.field, f.type, f.ordinal, f.known, f.producer, f.description,
    f.first_at as first_seen, f.last_at as last_seen,
    (select array_agg(distinct t.tag) from unnest(tagged.fields, tagged.tags) t (field, tag)
     where t.field = f.field) as tags
from graph.datasets d
cross join lateral graph.fields_of(d.dataset_uuid) f
cross join lateral (
    -- Once per dataset, not once per field.
    select array_agg(t.tag ->> 'field') as fields,
        array_agg(case when t.tag ->> 'value' is null or t.tag ->> 'value' = 'true' then t.tag ->> 'key'
                      else (t.tag ->> 'key') || '=' || (t.tag ->> 'value') end) as tags
    from graph.current_facets cf join graph.facets c using (digest)
    cross join lateral jsonb_path_query(c.content, 'lax $.tags[*]') t (tag)
    where cf.subject_uuid = d.dataset_uuid and cf.name = 'tags' and not c.deleted
        and t.tag ->> 'key' is not null and t.tag ->> 'field' is not null
) tagged;
comment on view metaops.dataset_fields is
    'Fields of the accepted schema of each dataset, nested ones with dots, and fields that only readers have seen.';
comment on column metaops.dataset_fields.namespace is 'Namespace of the dataset.';
comment on column metaops.dataset_fields.name is 'Name of the dataset.';
comment on column metaops.dataset_fields.field is 'Name of the field; a.b is b inside a.';
comment on column metaops.dataset_fields.type is
    'The latest known type as sent; null when nobody said it or it was masked.';
comment on column metaops.dataset_fields.ordinal is 'Position, from 1; seen fields come behind stated ones.';
comment on column metaops.dataset_fields.known is
    'stated: in the schema of the latest output or dataset event; seen: only in schemas of readers.';
comment on column metaops.dataset_fields.producer is 'Who said so last.';
comment on column metaops.dataset_fields.description is 'Description in that schema.';
comment on column metaops.dataset_fields.first_seen is 'Earliest event time with this field.';
comment on column metaops.dataset_fields.last_seen is 'Latest event time with this field.';
comment on column metaops.dataset_fields.tags is 'Current tags of the field, as in datasets.tags.';

-- Distinct schemas that anybody stated of a dataset. What makes one is names and types in their order, not who says it
-- or how: a tool's new release changes nothing, nor does a type that is missing or masked, for which the
-- latest one stated stands in.
create function graph.versions_of(dataset uuid)
returns table (version uuid, first_at timestamptz, last_at timestamptz, fields bigint, current boolean,
               schema jsonb)
language sql stable parallel safe
begin atomic
    with stated as materialized (
        select s.digest, s.first_at, s.last_at, s.last_by, s.deleted, s.content,
            row_number() over (order by s.last_at desc, s.last_by desc, s.digest desc) = 1 as is_latest
        from graph.schemas_of(dataset) s
        where s.stated
    ), said as materialized (
        select s.digest, s.last_at, s.last_by, ff.name, ff.type, ff.ordinal
        from stated s
        cross join lateral graph.schema_fields(s.content) ff
        where not s.deleted
    ), known as (
        select t.name, (array_agg(t.type order by t.last_at desc, t.last_by desc, t.digest desc))[1] as type
        from said t
        where t.type is not null
        group by t.name
    ), shaped as (
        select t.digest, count(*) as fields,
            jsonb_agg(jsonb_build_object('name', t.name, 'type', coalesce(t.type, k.type))
                      order by t.ordinal) as schema
        from said t
        left join known k on k.name = t.name
        group by t.digest
    )
    select md5(h.schema::text)::uuid, min(s.first_at), max(s.last_at), h.fields, bool_or(s.is_latest), h.schema
    from shaped h
    join stated s on s.digest = h.digest
    group by h.schema, h.fields;
end;

create view metaops.dataset_versions as
select d.namespace, d.name, v.version, v.first_at as first_seen, v.last_at as last_seen, v.fields, v.current,
    v.schema
from graph.datasets d
cross join lateral graph.versions_of(d.dataset_uuid) v;
comment on view metaops.dataset_versions is
    'Distinct schemas that outputs and dataset events stated of a dataset; schemas that readers saw are none.';
comment on column metaops.dataset_versions.namespace is 'Namespace of the dataset.';
comment on column metaops.dataset_versions.name is 'Name of the dataset.';
comment on column metaops.dataset_versions.version is 'Digest of names and types of the fields, in order.';
comment on column metaops.dataset_versions.first_seen is 'Earliest event time with this schema.';
comment on column metaops.dataset_versions.last_seen is 'Latest event time with this schema.';
comment on column metaops.dataset_versions.fields is 'Number of fields, nested ones counted.';
comment on column metaops.dataset_versions.current is 'True for the accepted schema.';
comment on column metaops.dataset_versions.schema is
    'Its fields in order: [{"name": ..., "type": ...}]; nested ones with dots, type null when nobody stated it.';

-- Statements of a job that tell what a whole run does: START events often know only half of it, so where
-- anything completed, or a job event says it, only that counts.
create view metaops.job_versions as
select j.namespace, j.name, v.version, min(v.first_at) as first_seen, max(v.last_at) as last_seen,
    v.inputs, v.outputs,
    (select c.content ->> 'query' from graph.facet_contents c where c.digest = v.sql_digest) as sql,
    (select coalesce(c.content ->> 'repoUrl', c.content ->> 'url')
     from graph.facet_contents c where c.digest = v.source_digest) as repository,
    (select c.content ->> 'version' from graph.facet_contents c where c.digest = v.source_digest) as source_commit
from graph.jobs j
cross join lateral (
    select s.first_at, s.last_at, x.sql_digest, x.source_digest,
        md5(format('%s|%s|%s|%s', x.input_ids, x.output_ids, x.sql_digest, x.source_digest))::uuid as version,
        x.inputs, x.outputs
    from graph.statements s
    cross join lateral (
        select
            (select string_agg(distinct i.dataset_uuid::text, ',')
             from graph.io_sets i where i.io_id = s.io_id and i.direction = 0) as input_ids,
            (select string_agg(distinct i.dataset_uuid::text, ',')
             from graph.io_sets i where i.io_id = s.io_id and i.direction = 1) as output_ids,
            (select count(distinct i.dataset_uuid)
             from graph.io_sets i where i.io_id = s.io_id and i.direction = 0) as inputs,
            (select count(distinct i.dataset_uuid)
             from graph.io_sets i where i.io_id = s.io_id and i.direction = 1) as outputs,
            (select f.digest from graph.descriptions f
             where f.description_id = s.job_description and f.name = 'sql'
             order by f.digest desc limit 1) as sql_digest,
            (select f.digest from graph.descriptions f
             where f.description_id = s.job_description and f.name = 'sourceCodeLocation'
             order by f.digest desc limit 1) as source_digest
    ) x
    where s.job_uuid = j.job_uuid
        and (s.written_at is not null or s.kind = 2
             or not exists (select from graph.statements o
                            where o.job_uuid = j.job_uuid
                                and (o.written_at is not null or o.kind = 2)))
) v
group by j.namespace, j.name, v.version, v.inputs, v.outputs, v.sql_digest, v.source_digest;
comment on view metaops.job_versions is
    'Distinct versions of a job: inputs, outputs, SQL and source location, as completed runs and job events say.';
comment on column metaops.job_versions.namespace is 'Namespace of the job.';
comment on column metaops.job_versions.name is 'Name of the job.';
comment on column metaops.job_versions.version is 'Digest of inputs, outputs, SQL and source location.';
comment on column metaops.job_versions.first_seen is 'Earliest event time of this version.';
comment on column metaops.job_versions.last_seen is 'Latest event time of this version.';
comment on column metaops.job_versions.inputs is 'Number of datasets read.';
comment on column metaops.job_versions.outputs is 'Number of datasets written.';
comment on column metaops.job_versions.sql is 'Its SQL, when it says so.';
comment on column metaops.job_versions.repository is 'Where its code is, when it says so.';
comment on column metaops.job_versions.source_commit is 'Version of its code, when it says so.';
