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
) with (fillfactor = 70);

create table graph.statements (
    statement_id uuid primary key,
    kind smallint not null,
    job_uuid uuid,
    producer text not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    last_by uuid not null,
    written_at timestamptz,
    written_by uuid
) with (fillfactor = 70);
create index statements_job on graph.statements (job_uuid);

create table graph.statement_datasets (
    statement_id uuid not null,
    direction smallint not null,
    dataset_uuid uuid not null,
    primary key (statement_id, direction, dataset_uuid)
);
create index statement_datasets_dataset on graph.statement_datasets (dataset_uuid, direction);

create table graph.statement_facets (
    statement_id uuid not null,
    ordinal smallint not null,
    slot smallint,
    subject_kind smallint not null,
    subject_uuid uuid,
    place smallint not null,
    name text not null,
    family text not null,
    digest uuid,
    primary key (statement_id, ordinal)
);
create index statement_facets_subject on graph.statement_facets (subject_uuid);

create table graph.facet_contents (
    digest uuid primary key,
    deleted boolean not null,
    content jsonb not null
);

create table graph.facet_fields (
    digest uuid not null,
    ordinal integer not null,
    name text not null,
    type text,
    description text,
    primary key (digest, ordinal)
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

create table graph.run_statements (
    run_uuid uuid not null,
    statement_id uuid not null,
    first_at timestamptz not null,
    primary key (run_uuid, statement_id)
);
create index run_statements_statement on graph.run_statements (statement_id);

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
    kafka_partition integer not null,
    body_bytes integer not null,
    redactions integer not null,
    source smallint not null,
    topic text not null,
    event_type text,
    facet_digests uuid[],
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
