-- Minimum metadata: what has to be known of a dataset, a job and a run so that lineage, auditability, accountability and
-- reproducibility are more than words, and how much of it is.
--
-- What is asked for is a table (graph.minimum_fields). What is known is a bit for each fact, read off every facet once, when
-- it is stored first: with the facet itself (graph.descriptions, graph.layouts), and together for each dataset and job
-- (graph.asset_facts) and run (graph.runs). Bits of all events are put together by or, so order and duplicates make no
-- difference, and an event that tells nothing new writes nothing. But a facet can be taken back: by a later version
-- that is deleted or empty, or a list of tags without the tag. Where that may be so (contested), and only there, what holds
-- is looked up in the statements. Scores are made when they are read.
--
-- In a store of an earlier release, what came before counts after `metaops rebuild`.

alter table graph.descriptions add column facts integer not null default 0;
alter table graph.layouts add column facts integer not null default 0;
alter table graph.runs add column facts integer not null default 0;
comment on column graph.descriptions.facts is 'What the facet tells of minimum metadata, a bit each (graph.minimum_fields).';
comment on column graph.layouts.facts is 'The same of a facet that comes with every run, by its name.';
comment on column graph.runs.facts is 'The same of all events of the run.';

create table graph.asset_facts (
    subject_uuid uuid primary key,
    subject_kind smallint not null,
    observed integer not null,
    declared integer not null,
    inferred integer not null,
    lasting integer not null,
    contested integer not null
) with (fillfactor = 90);
comment on table graph.asset_facts is 'What was ever told of the minimum metadata of a dataset or job, a bit each (graph.minimum_fields).';
comment on column graph.asset_facts.subject_uuid is 'Dataset or job.';
comment on column graph.asset_facts.subject_kind is '2: a job, 3: a dataset.';
comment on column graph.asset_facts.observed is 'By events of runs.';
comment on column graph.asset_facts.declared is 'By job and dataset events.';
comment on column graph.asset_facts.inferred is 'What only readers saw.';
comment on column graph.asset_facts.lasting is 'Of observed and declared what is never taken back.';
comment on column graph.asset_facts.contested is 'Not told by a facet that can tell it: something earlier may hold no more.';

-- Numbers of facts: those below 2^32 are enum graph_fact of the program, those above are made where they are read.
create table graph.minimum_fields (
    kind text not null,
    field text not null,
    ordinal integer not null,
    area text not null,
    sub_score text not null check (sub_score in ('lineage', 'auditability', 'accountability', 'reproducibility')),
    is_mandatory boolean not null,
    weight integer not null,
    facts bigint not null,
    applies bigint not null,
    known_by text not null,
    supplied_by text not null,
    primary key (kind, field)
);
comment on table graph.minimum_fields is 'What has to be known of each kind of asset (view metaops.minimum_fields).';
comment on column graph.minimum_fields.kind is 'dataset, job, run; model, model_version, deployment or inference_stream, whose numbers of facts are their own.';
comment on column graph.minimum_fields.field is 'What has to be known.';
comment on column graph.minimum_fields.ordinal is 'Its place among those of the kind.';
comment on column graph.minimum_fields.area is 'identity, lineage, accountability, reproducibility or operations.';
comment on column graph.minimum_fields.sub_score is 'To which of the four questions it belongs; identity and operations answer auditability.';
comment on column graph.minimum_fields.is_mandatory is 'The gate asks for it.';
comment on column graph.minimum_fields.weight is 'Its share of the score; 0: only the gate asks for it.';
comment on column graph.minimum_fields.facts is 'Bits that have to be known, all of them.';
comment on column graph.minimum_fields.applies is 'Asked for only when one of these bits is known; 0: always.';
comment on column graph.minimum_fields.known_by is 'What tells it.';
comment on column graph.minimum_fields.supplied_by is 'Which tools usually supply it.';
insert into graph.minimum_fields (kind, field, ordinal, area, sub_score, is_mandatory, weight, facts, applies, known_by, supplied_by)
select kind, field, row_number() over (partition by kind order by place), area,
    case when area in ('identity', 'operations') then 'auditability' else area end, is_mandatory,
    case when is_mandatory then 2 else 1 end, facts, applies, known_by, supplied_by
from (values
    (1, 'dataset', 'name', 'identity', true, (1::bigint << 32), 0::bigint, 'namespace and name', 'every producer'),
    (2, 'dataset', 'version', 'identity', true, (1 << 1), 0, 'facet version; inferred: a stated schema makes a version',
        'Iceberg and Delta tables through Spark'),
    (3, 'dataset', 'uri', 'identity', false, (1 << 2), 0, 'facet dataSource; inferred: a namespace that is a URI', 'Spark, dbt, Flink'),
    (4, 'dataset', 'source', 'lineage', true, (1 << 4), 0, 'a run that completed and wrote it, or tag external_source',
        'the tool that writes it: Spark, dbt, Airflow; for what comes from outside, its owner'),
    (5, 'dataset', 'column_lineage', 'lineage', false, (1 << 5), (1 << 10), 'facet columnLineage', 'Spark, dbt, Airflow''s SQL operators'),
    (6, 'dataset', 'owner', 'accountability', true, (1 << 6), 0, 'facet ownership', 'its owner, by a dataset event'),
    (7, 'dataset', 'classification', 'accountability', false, (1 << 7), 0,
        'tag classification, confidentiality, sensitivity, personal_data or pii, of the dataset or a field', 'its owner, by a dataset event; dbt tags'),
    (8, 'dataset', 'licence', 'accountability', false, (1 << 8), 0, 'tag licence', 'its owner, by a dataset event'),
    (9, 'dataset', 'schema', 'reproducibility', true, (1 << 10), 0, 'facet schema; inferred: what readers saw', 'Spark, dbt, Airflow''s SQL operators'),
    (10, 'dataset', 'size', 'reproducibility', false, (1 << 11), 0, 'facets outputStatistics, inputStatistics, dataQualityMetrics', 'Spark, dbt'),
    (11, 'dataset', 'digest', 'reproducibility', false, (1 << 12), 0, 'tag digest', 'the job that writes it'),
    (12, 'dataset', 'last_updated', 'operations', true, (1 << 15), 0, 'a run that completed and wrote it, or tag last_updated', 'the tool that writes it'),
    (13, 'dataset', 'quality', 'operations', false, (1 << 16), 0, 'facets dataQualityAssertions, dataQualityMetrics', 'dbt test, Great Expectations, Airflow''s check operators'),
    (1, 'job', 'name', 'identity', true, (1::bigint << 32), 0, 'namespace and name', 'every producer'),
    (2, 'job', 'type', 'identity', false, (1 << 0), 0, 'facet jobType', 'Airflow, Spark, dbt'),
    (3, 'job', 'lineage', 'lineage', true, (1 << 3), 0, 'inputs or outputs; tag lineage=none, inputs=none or outputs=none says that there are none', 'the tool that runs it'),
    (4, 'job', 'owner', 'accountability', true, (1 << 6), 0, 'facet ownership', 'Airflow; its owner, by a job event'),
    (5, 'job', 'schedule_owner', 'accountability', false, (1 << 9), 0, 'tag schedule_owner', 'its owner, by a job event'),
    (6, 'job', 'code', 'reproducibility', true, (1 << 13), 0, 'facet sourceCodeLocation with a version', 'CI, by a job event'),
    (7, 'job', 'description', 'reproducibility', false, (1 << 14), 0, 'facet documentation', 'Airflow'),
    (8, 'job', 'sla', 'operations', false, (1 << 17), 0, 'tag sla', 'its owner, by a job event'),
    (1, 'run', 'run_id', 'identity', true, (1::bigint << 32), 0, 'runId', 'every producer'),
    (2, 'run', 'parent', 'identity', true, (1::bigint << 33), (1 << 18), 'facet parent; asked for where an orchestrator starts the run',
        'Airflow to Spark and dbt by its macros; Spark and dbt for their own parts'),
    (3, 'run', 'lineage', 'lineage', true, (1 << 24) | (1 << 25), 0, 'inputs and outputs; tags inputs=none and outputs=none, or lineage=none, of the run or its job say that there are none',
        'the tool that runs it'),
    (4, 'run', 'actor', 'accountability', true, (1 << 19), 0,
        'Spark''s user, Airflow''s scheduler or user, tag actor; inferred: that of the run that started it, or the key that sent its events',
        'Spark, Airflow'),
    (5, 'run', 'engine', 'reproducibility', true, (1 << 20), 0, 'facet processing_engine with a version', 'Airflow, Spark, dbt'),
    (6, 'run', 'times', 'reproducibility', true, (1::bigint << 34), 0, 'a START event and one that ends the run', 'every producer'),
    (7, 'run', 'image_digest', 'reproducibility', false, (1 << 21), 0, 'run tag image_digest', 'the deployment, by the client''s tags'),
    (8, 'run', 'parameters', 'reproducibility', false, (1 << 22), 0, 'facets executionParameters, spark_properties; conf of an Airflow DAG run', 'Spark, Airflow'),
    (9, 'run', 'environment', 'reproducibility', false, (1 << 23), 0, 'facet environmentVariables or environment-properties', 'the client, where it is asked to; Spark on Databricks'),
    (10, 'run', 'final_state', 'operations', true, (1::bigint << 35), 0, 'a COMPLETE, ABORT or FAIL event', 'every producer'),
    (11, 'run', 'error_message', 'operations', false, (1::bigint << 36), (1::bigint << 37), 'facet errorMessage; asked for when the run failed', 'Airflow, dbt, Spark')
) f (place, kind, field, area, is_mandatory, facts, applies, known_by, supplied_by);

create table graph.minimum_limits (
    kind text primary key,
    fresh_for interval
);
comment on table graph.minimum_limits is 'How old what was told last may be to count (metaops.limit_freshness).';
comment on column graph.minimum_limits.kind is 'A kind of asset; drift_evaluation: of a verdict on a stream, counted from its latest payload.';
comment on column graph.minimum_limits.fresh_for is 'The limit; null: none.';
insert into graph.minimum_limits values ('dataset', null), ('job', null);

create function metaops.limit_freshness(kind text, fresh_for interval) returns void
language plpgsql
as $$
begin
    update graph.minimum_limits l set fresh_for = limit_freshness.fresh_for where l.kind = limit_freshness.kind;
    if not found then
        raise exception 'kind is one of %', (select string_agg(l.kind, ', ' order by l.kind) from graph.minimum_limits l) using errcode = 'invalid_parameter_value';
    end if;
end $$;
comment on function metaops.limit_freshness is
    'From now on, what was told last longer ago than this is missing from the minimum metadata of this kind (dataset, job, model, model_version, deployment, inference_stream; drift_evaluation: of what detectors say of a stream, before its latest payload); null: nothing is too old. Owner only.';
revoke execute on function metaops.limit_freshness(text, interval) from public;

-- What tells the facts of a dataset or job by what was said until then: the current version of each facet of each producer
-- family, and what is never taken back. how: 1 observed, 2 declared, 3 inferred.
create function graph.fact_sayings(subject uuid, subject_kind smallint, until timestamptz)
returns table (facts integer, how integer, last_at timestamptz, last_by uuid)
language plpgsql stable rows 10
as $$
begin
    return query
    with said as materialized (
        select s.kind, s.last_at, s.last_by, s.written_at, s.written_by, s.layout_id, i.direction,
            graph.slot_digest(s.descriptions, i.ordinal) as description_id, false as has_io
        from graph.io_sets i join graph.statements s using (io_id)
        where fact_sayings.subject_kind = 3 and i.dataset_uuid = subject and s.first_at <= until
        union all
        select s.kind, s.last_at, s.last_by, null, null, null, null, s.job_description, s.io_id is not null
        from graph.statements s
        where fact_sayings.subject_kind = 2 and s.job_uuid = subject and s.first_at <= until
    ), versions as (
        select distinct on (d.name, d.family, r.is_read) d.facts, r.is_read, s.kind, s.last_at, s.last_by
        from said s
        join graph.descriptions d using (description_id)
        cross join lateral (select s.direction = 0 and d.name = 'schema' as is_read) r
        order by d.name, d.family, r.is_read, least(s.last_at, until) desc, s.last_by desc, d.digest desc
    )
    select v.facts, case when v.is_read then 3 when v.kind = 1 then 1 else 2 end, v.last_at, v.last_by
    from versions v
    where v.facts <> 0
    union all
    select l.facts, case when s.kind = 1 then 1 else 2 end, s.last_at, s.last_by
    from said s join graph.layouts l on l.layout_id = s.layout_id and l.subject_uuid = subject
    where l.facts <> 0
    union all
    select 1 << 3, case when s.kind = 1 then 1 else 2 end, s.last_at, s.last_by from said s where s.has_io
    union all
    select (1 << 4) | (1 << 15), 1, s.written_at, s.written_by
    from said s
    where s.kind = 1 and s.direction = 1 and s.written_at is not null;
end $$;

-- Bits observed, declared and inferred, by what was said until then and last since.
create function graph.facts_of(subject uuid, subject_kind smallint, since timestamptz, until timestamptz) returns integer[]
language plpgsql stable
as $$
begin
    return (select array[coalesce(bit_or(f.facts) filter (where f.how = 1), 0), coalesce(bit_or(f.facts) filter (where f.how = 2), 0),
                         coalesce(bit_or(f.facts) filter (where f.how = 3), 0)]
            from graph.fact_sayings(subject, facts_of.subject_kind, until) f
            where f.last_at >= since);
end $$;

-- The same as of now: from graph.asset_facts, where that is the whole truth and all of it may be seen.
create function graph.facts_now(subject uuid, subject_kind smallint) returns integer[]
language plpgsql stable
as $$
declare
    known graph.asset_facts;
    fresh_for constant interval := (select l.fresh_for from graph.minimum_limits l
                                    where l.kind = case facts_now.subject_kind when 2 then 'job' else 'dataset' end);
begin
    select * into known from graph.asset_facts a where a.subject_uuid = subject;
    if found and fresh_for is null and ((known.observed | known.declared) & known.contested & ~known.lasting) = 0 then
        return array[known.observed, known.declared, known.inferred];
    end if;
    return graph.facts_of(subject, facts_now.subject_kind, coalesce(now() - fresh_for, '-infinity'), 'infinity');
end $$;

-- What is known of other names of a dataset.
create function graph.alias_facts(dataset uuid) returns integer
language plpgsql stable
as $$
begin
    if not exists (select from graph.symlinks l where l.dataset_uuid = dataset)
        and not exists (select from graph.symlinks l where l.other_uuid = dataset) then
        return 0;
    end if;
    return (select coalesce(bit_or(f.facts[1] | f.facts[2] | f.facts[3]), 0)
            from graph.aliases(array[dataset]) a
            cross join lateral (select graph.facts_now(a.member, 3::smallint) as facts) f
            where a.member <> dataset);
end $$;

create function graph.owner_of(subject uuid) returns text
language sql stable
begin atomic
    select (select string_agg(o.owner #>> '{}', ', ' order by o.place)
            from jsonb_path_query(c.content, 'lax $.owners[*].name') with ordinality o (owner, place))
    from graph.current_facets cf join graph.facet_contents c using (digest)
    where cf.subject_uuid = subject and cf.name = 'ownership' and not c.deleted
    order by cf.last_at desc, cf.last_by desc, cf.digest desc limit 1;
end;

-- Facts of a run that its row tells.
create function graph.run_facts(facts integer, parent uuid, started_at timestamptz, ended_at timestamptz, state smallint,
                                has_error boolean) returns bigint
language sql immutable parallel safe
return facts | (1::bigint << 32) | case when parent is not null then 1::bigint << 33 else 0 end
    | case when started_at is not null and ended_at is not null then 1::bigint << 34 else 0 end
    | case when state >= 2 then 1::bigint << 35 else 0 end | case when has_error then 1::bigint << 36 else 0 end
    | case when state = 4 then 1::bigint << 37 else 0 end;

-- What a job says that it never reads or writes holds for its runs.
create function graph.declared_io(job uuid) returns integer
language plpgsql stable
as $$
declare
    facts constant integer[] := graph.facts_now(job, 2::smallint);
begin
    return (facts[1] | facts[2]) & ((1 << 24) | (1 << 25));
end $$;

-- Did events of a run come under somebody's key?
create function graph.has_principal(run uuid, since timestamptz) returns boolean
language plpgsql stable
as $$
begin
    return exists (select from graph.events e where e.run_uuid = run and e.event_time >= since and e.principal is not null);
end $$;

-- What follows for a dataset: from what readers saw, from other names of it, a version from a schema, an address from its
-- namespace.
create function graph.inferred_facts(facts integer[], aliases integer, namespace text) returns bigint
language sql immutable parallel safe
return facts[3] | aliases | case when (facts[1] | facts[2]) & (1 << 10) <> 0 then 1 << 1 else 0 end
    | case when namespace ~ '^[a-z][a-z0-9+.-]*:' or namespace = 'file' then 1 << 2 else 0 end;

create function graph.share(part bigint, whole bigint) returns numeric
language sql immutable parallel safe
return round(part::numeric / nullif(whole, 0), 3);

-- Scores of what is known: an inferred field counts half.
create function graph.minimum_score(kind text, known bigint, inferred bigint)
returns table (score numeric, lineage numeric, auditability numeric, accountability numeric, reproducibility numeric,
               gate boolean, missing text[], missing_mandatory text[], inferred_fields text[])
language sql stable rows 1
as $$
    select graph.share(sum(f.got), sum(f.most)),
        graph.share(sum(f.got) filter (where f.sub_score = 'lineage'), sum(f.most) filter (where f.sub_score = 'lineage')),
        graph.share(sum(f.got) filter (where f.sub_score = 'auditability'), sum(f.most) filter (where f.sub_score = 'auditability')),
        graph.share(sum(f.got) filter (where f.sub_score = 'accountability'),
                    sum(f.most) filter (where f.sub_score = 'accountability')),
        graph.share(sum(f.got) filter (where f.sub_score = 'reproducibility'),
                    sum(f.most) filter (where f.sub_score = 'reproducibility')),
        bool_and(f.state > 0 or not f.is_mandatory),
        coalesce(array_agg(f.field order by f.ordinal) filter (where f.state = 0), '{}'),
        coalesce(array_agg(f.field order by f.ordinal) filter (where f.state = 0 and f.is_mandatory), '{}'),
        coalesce(array_agg(f.field order by f.ordinal) filter (where f.state = 1), '{}')
    from (
        select m.field, m.ordinal, m.sub_score, m.is_mandatory, 2 * m.weight as most, k.state, m.weight * k.state as got
        from graph.minimum_fields m
        cross join lateral (
            select case when m.facts & minimum_score.known = m.facts then 2
                when m.facts & (minimum_score.known | minimum_score.inferred) = m.facts then 1 else 0 end as state
        ) k
        where m.kind = minimum_score.kind
            and (m.applies = 0 or m.applies & (minimum_score.known | minimum_score.inferred) <> 0)
    ) f
$$;

insert into graph.role_rights values
    ('metaops_writer', 'graph.asset_facts', 'insert, select, update'),
    ('metaops_reader', 'graph.asset_facts', 'select'),
    ('metaops_reader', 'graph.minimum_fields', 'select'),
    ('metaops_reader', 'graph.minimum_limits', 'select');

insert into graph.row_rules (name, is_granted, condition) values
    ('asset_facts', true, 'false'), ('minimum_fields', true, 'true'), ('minimum_limits', true, 'true');
