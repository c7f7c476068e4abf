-- Base tables of the lineage graph. They may change from release to release: read the views of schema
-- metaops instead.
--
-- What repeats is stored once. An event says two kinds of things: about its job and datasets (facets,
-- inputs, outputs, schemas, column lineage), which repeat from run to run and form a *statement*,
-- stored once under the digest of its content; and about its run (times, state, counts), which is
-- stored per event. Every merge is commutative, associative and idempotent, so any order of arrival
-- gives the same graph.

create schema graph;

create table graph.jobs (
    job_uuid uuid primary key,
    namespace text not null,
    name text not null
);
create index jobs_name on graph.jobs using hash (name);

create table graph.datasets (
    dataset_uuid uuid primary key,
    namespace text not null,
    name text not null,
    confirmed boolean not null
) with (fillfactor = 90);
create index datasets_name on graph.datasets using hash (name);

create table graph.runs (
    run_uuid uuid primary key,
    run_id text,
    state smallint not null,
    started_at timestamptz,
    first_at timestamptz,
    ended_at timestamptz,
    job_uuid uuid,
    job_own boolean not null,
    job_at timestamptz,
    job_by uuid,
    parent_uuid uuid,
    root_uuid uuid,
    parent_at timestamptz,
    parent_by uuid,
    nominal_start timestamptz,
    nominal_end timestamptz,
    nominal_at timestamptz,
    nominal_by uuid,
    error_message text,
    error_at timestamptz,
    error_by uuid
) with (fillfactor = 85);
create index runs_job on graph.runs (job_uuid);

create table graph.statements (
    statement_id uuid primary key,
    kind smallint not null,
    job_uuid uuid,
    job_description uuid,
    io_id uuid,
    descriptions bytea,
    layout_id uuid,
    producer text not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    last_by uuid not null,
    written_at timestamptz,
    written_by uuid
) with (fillfactor = 85);
create index statements_job on graph.statements (job_uuid);
create index statements_io on graph.statements (io_id);

create table graph.io_sets (
    io_id uuid not null,
    ordinal smallint not null,
    direction smallint not null,
    dataset_uuid uuid not null,
    job_uuid uuid,
    primary key (io_id, ordinal)
);
create index io_sets_dataset on graph.io_sets (dataset_uuid, direction);

create table graph.descriptions (
    description_id uuid not null,
    ordinal smallint not null,
    name text not null,
    family text not null,
    digest uuid not null,
    primary key (description_id, ordinal)
);
create index descriptions_digest on graph.descriptions (digest);

create table graph.layouts (
    layout_id uuid not null,
    slot smallint not null,
    subject_kind smallint not null,
    subject_uuid uuid,
    place smallint not null,
    name text not null,
    family text not null,
    primary key (layout_id, slot)
);
create index layouts_subject on graph.layouts (subject_uuid);

create table graph.facet_origins (
    origin_id uuid primary key,
    origin jsonb not null
);

create table graph.facets (
    digest uuid primary key,
    origin_id uuid not null,
    deleted boolean not null,
    content jsonb not null
);

create table graph.symlinks (
    dataset_uuid uuid not null,
    other_uuid uuid not null,
    type text not null,
    other_namespace text not null,
    other_name text not null
);
create unique index symlinks_key on graph.symlinks (dataset_uuid, other_uuid, md5(type));
create index symlinks_other on graph.symlinks (other_uuid);

create table graph.edges (
    job_uuid uuid not null,
    direction smallint not null,
    dataset_uuid uuid not null,
    primary key (job_uuid, direction, dataset_uuid)
);
create index edges_dataset on graph.edges (dataset_uuid, direction, job_uuid);

create table graph.column_edges (
    output_uuid uuid not null,
    job_uuid uuid not null,
    digest uuid not null,
    ordinal integer not null,
    output_field text,
    input_uuid uuid not null,
    input_field text not null,
    type text not null,
    subtype text not null,
    masking boolean,
    description text,
    primary key (output_uuid, job_uuid, digest, ordinal)
);
create index column_edges_input on graph.column_edges (input_uuid);

create table graph.run_io_sets (
    run_uuid uuid not null,
    io_id uuid not null,
    first_at timestamptz not null,
    primary key (run_uuid, io_id)
);
create index run_io_sets_io on graph.run_io_sets (io_id);

create table graph.event_ids (
    event_id uuid primary key,
    received_at timestamptz not null
) partition by hash (event_id);
do $$
begin
    for i in 0..7 loop
        execute format('create table graph.event_ids_%s partition of graph.event_ids '
                       'for values with (modulus 8, remainder %s)', i, i);
    end loop;
end $$;

create table graph.events (
    event_id uuid not null,
    event_time timestamptz not null,
    received_at timestamptz not null,
    run_uuid uuid,
    statement_id uuid not null,
    body_base uuid,
    kafka_offset bigint not null,
    body_bytes integer not null,
    kafka_partition smallint not null,
    redactions smallint,
    source smallint not null,
    topic text not null,
    event_type text,
    facet_digests bytea,
    body bytea not null,
    principal text,
    emitter_id text,
    emitter_epoch bigint,
    emitter_sequence bigint,
    idempotency_key text
) partition by range (event_time);
create table graph.events_default partition of graph.events default;
create index events_event_id on graph.events (event_id);
create index events_statement on graph.events (statement_id);
create index events_run on graph.events (run_uuid);

create table graph.body_bases (
    base_id uuid primary key,
    body bytea not null
);
alter table graph.body_bases alter column body set compression lz4;
alter table graph.events alter column body set compression lz4;

create table graph.offsets (
    cluster_id text not null,
    topic text not null,
    partition integer not null,
    next_offset bigint not null,
    last_id uuid,
    last_timestamp_ms bigint,
    stopped_reason text,
    updated_at timestamptz not null default now(),
    primary key (cluster_id, topic, partition)
) with (fillfactor = 50);

create table graph.dead_letters (
    letter_id uuid primary key,
    event_id uuid,
    failed_at timestamptz not null,
    stage text not null,
    reason text not null,
    json_pointer text,
    byte_offset bigint,
    topic text not null,
    partition integer not null,
    kafka_offset bigint not null,
    record_at timestamptz,
    value bytea not null,
    retried_at timestamptz
);

-- One of several ids that stand one behind the other.
create function graph.slot_digest(ids bytea, slot int) returns uuid
language sql immutable strict parallel safe
return encode(substr(ids, slot * 16 + 1, 16), 'hex')::uuid;

-- The datasets of every statement, each with what is said of it (zero: nothing).
create view graph.statement_datasets as
select s.statement_id, i.direction, i.dataset_uuid,
    graph.slot_digest(s.descriptions, i.ordinal) as description_id
from graph.statements s join graph.io_sets i using (io_id);

-- Every static facet of every statement: what is said of jobs and datasets from run to run.
create view graph.statement_facets as
select sd.statement_id, 3::smallint as subject_kind, sd.dataset_uuid as subject_uuid, d.name, d.family,
    d.digest
from graph.statement_datasets sd join graph.descriptions d using (description_id)
union all
select s.statement_id, 2::smallint, s.job_uuid, d.name, d.family, d.digest
from graph.statements s join graph.descriptions d on d.description_id = s.job_description;

-- Facets as they were sent, but for text that jsonb cannot hold.
create view graph.facet_contents as
select f.digest, f.deleted,
    case when jsonb_typeof(f.content) = 'object' then f.content || o.origin else f.content end as content
from graph.facets f join graph.facet_origins o using (origin_id);

-- The fields of a schema facet, nested ones as parent.child, in order; a masked type is unknown.
create function graph.schema_fields(content jsonb)
returns table (ordinal int, name text, type text, description text)
language sql immutable parallel safe
begin atomic
    with recursive field as (
        select array[f.ordinality] as place, f.value as field, f.value ->> 'name' as path
        from jsonb_array_elements(case when jsonb_typeof(content -> 'fields') = 'array'
            then content -> 'fields' end) with ordinality f
        where jsonb_typeof(f.value) = 'object' and f.value ->> 'name' is not null
        union all
        select p.place || f.ordinality, f.value, p.path || '.' || (f.value ->> 'name')
        from field p
        cross join jsonb_array_elements(case when jsonb_typeof(p.field -> 'fields') = 'array'
            then p.field -> 'fields' end) with ordinality f
        where jsonb_typeof(f.value) = 'object' and f.value ->> 'name' is not null
    )
    select (row_number() over (order by place))::int - 1, path,
        case when field ->> 'type' not like '%***%' then field ->> 'type' end,
        field ->> 'description'
    from field;
end;
