-- Minimum metadata as analysts read it.

-- Everything that has a score, with what is known of it.
create view graph.minimum_known as
select 'dataset' as kind, d.namespace, d.name, d.dataset_uuid as subject_uuid, d.dataset_uuid as asset_uuid,
    (f.facts[1] | f.facts[2])::bigint | (1::bigint << 32) as known,
    graph.inferred_facts(f.facts, graph.alias_facts(d.dataset_uuid), d.namespace) as inferred,
    null::bigint as declared, null::text as version
from graph.datasets d
cross join lateral (select graph.facts_now(d.dataset_uuid, 3::smallint) as facts offset 0) f
where d.confirmed
union all
select 'job', j.namespace, j.name, j.job_uuid, j.job_uuid, (f.facts[1] | f.facts[2])::bigint | (1::bigint << 32),
    f.facts[3]::bigint, null, null
from graph.jobs j
cross join lateral (select graph.facts_now(j.job_uuid, 2::smallint) as facts offset 0) f
union all
select 'run', j.namespace, j.name, r.run_uuid, r.job_uuid,
    graph.run_facts(r.facts, r.parent_uuid, r.started_at, r.ended_at, r.state, r.error_message is not null)
        | case when (~r.facts & ((1 << 24) | (1 << 25))) <> 0 then graph.declared_io(r.job_uuid) else 0 end,
    -- Who started the run above it started it, and who sent its events may have.
    case when (r.facts & (1 << 19)) = 0
        and ((coalesce(p.facts, 0) | coalesce(o.facts, 0)) & (1 << 19) <> 0 or graph.has_principal(r.run_uuid, r.first_at))
        then 1 << 19 else 0 end, null, null
from graph.runs r
join graph.jobs j using (job_uuid)
left join graph.runs p on p.run_uuid = r.parent_uuid
left join graph.runs o on o.run_uuid = r.root_uuid
union all
select 'model', m.namespace, m.name, m.model_uuid, m.model_uuid, (k.f).known, (k.f).inferred, (k.f).declared, null
from graph.models m
cross join lateral (select graph.facts_of_model(m.model_uuid, null) as f offset 0) k
union all
select 'model_version', m.namespace, m.name, graph.version_uuid(v.model_uuid, v.version), m.model_uuid, (k.f).known, (k.f).inferred,
    (k.f).declared, v.version
from graph.model_versions v
join graph.models m using (model_uuid)
cross join lateral (select graph.facts_of_version(v.model_uuid, v.version, null) as f offset 0) k
union all
select 'deployment', d.namespace, d.name, d.deployment_uuid, d.deployment_uuid, (k.f).known | (1::bigint << 32), (k.f).inferred,
    (k.f).declared, null
from graph.deployments d
cross join lateral (select graph.facts_of_deployment(d.deployment_uuid, null) as f offset 0) k
union all
select 'inference_stream', w.namespace, concat_ws('/', w.deployment, nullif(w.endpoint, ''), w.model), s.stream_uuid, s.deployment_uuid,
    (k.f).known, (k.f).inferred, (k.f).declared, null
from graph.inference_streams s
join graph.watched_streams w using (stream_uuid)
cross join lateral (select graph.facts_of_stream(s.stream_uuid, null) as f offset 0) k;
comment on view graph.minimum_known is 'Every asset, with what is known of its minimum metadata (graph.minimum_fields).';
comment on column graph.minimum_known.kind is 'dataset, job, run, model, model_version, deployment or inference_stream.';
comment on column graph.minimum_known.namespace is 'Its namespace; for a run that of its job, for a version of a model that of the model.';
comment on column graph.minimum_known.name is 'Its name; for a run that of its job, for a version of a model that of the model; DEPLOYMENT/ENDPOINT/MODEL for a stream.';
comment on column graph.minimum_known.subject_uuid is 'The asset; a version of a model by graph.version_uuid.';
comment on column graph.minimum_known.asset_uuid is 'Whose owner answers for it: for a run its job, for a version its model, for a stream its deployment.';
comment on column graph.minimum_known.known is 'Facts that are observed or declared.';
comment on column graph.minimum_known.inferred is 'Facts that follow from something else.';
comment on column graph.minimum_known.declared is 'Those of known that people declared; null: their statements tell it.';
comment on column graph.minimum_known.version is 'Of a version of a model.';

create view metaops.minimum_metadata as
select k.kind, k.namespace, k.name,
    case k.kind
        when 'run' then (select graph.run_name(r.run_id, r.run_uuid) from graph.runs r where r.run_uuid = k.subject_uuid)
        when 'job' then graph.current_text(k.subject_uuid, 'sourceCodeLocation', 'version')
        when 'dataset' then graph.current_text(k.subject_uuid, 'version', 'datasetVersion')
        else k.version end as version,
    s.score, s.lineage, s.auditability, s.accountability, s.reproducibility, s.gate, s.missing, s.missing_mandatory,
    s.inferred_fields as inferred, graph.owner_of_kind(k.kind, k.asset_uuid) as owner
from graph.minimum_known k
cross join lateral graph.minimum_score(k.kind, k.known, k.inferred) s;
comment on view metaops.minimum_metadata is
    'How complete the metadata of each dataset, job, run, model, version, deployment and stream of predictions is, as of now: scores from 0 to 1, the gate, and what is missing (metaops.minimum_fields says what is asked for).';
comment on column metaops.minimum_metadata.kind is 'dataset, job, run, model, model_version, deployment or inference_stream.';
comment on column metaops.minimum_metadata.namespace is 'Its namespace; for a run that of its job, for a version of a model that of the model.';
comment on column metaops.minimum_metadata.name is 'Its name; for a run that of its job, for a version of a model that of the model; DEPLOYMENT/ENDPOINT/MODEL for a stream.';
comment on column metaops.minimum_metadata.version is
    'The version it is about: of a dataset that of its version facet, of a job the version of its code, of a run its id, of a version of a model this; null: nobody said.';
comment on column metaops.minimum_metadata.score is
    'Weights of what is known by weights of what is asked for: mandatory fields count 2, recommended ones 1, inferred ones half of it.';
comment on column metaops.minimum_metadata.lineage is 'The score of what answers: from what was it made?';
comment on column metaops.minimum_metadata.auditability is 'The score of what answers: which one is it, and in what state? (identity and operations)';
comment on column metaops.minimum_metadata.accountability is 'The score of what answers: who answers for it?';
comment on column metaops.minimum_metadata.reproducibility is 'The score of what answers: can it be made again?';
comment on column metaops.minimum_metadata.gate is 'True when no mandatory field is missing, whatever the score.';
comment on column metaops.minimum_metadata.missing is 'Fields that are asked for and not known.';
comment on column metaops.minimum_metadata.missing_mandatory is 'Those of them that the gate asks for.';
comment on column metaops.minimum_metadata.inferred is 'Fields that nobody told, but that follow from a name, an alias or a neighbour.';
comment on column metaops.minimum_metadata.owner is 'Owners of the current ownership facet, joined by a comma; for a run those of its job; of a model its tag owner or supplier, of a deployment annotation metaops.io/owner, else the owner of its model.';

-- In which weeks something was said of each dataset and job, first or last: it stays as it is until the next of them.
create view graph.minimum_weeks as
select w.*, lead(w.week) over (partition by w.subject_uuid order by w.week) as next_week
from (
    select 'dataset' as kind, d.dataset_uuid as subject_uuid, d.namespace, t.week
    from graph.datasets d
    cross join lateral (
        select distinct date_trunc('week', t.at at time zone 'UTC') as week
        from graph.io_sets i join graph.statements s using (io_id) cross join unnest(array[s.first_at, s.last_at]) t (at)
        where i.dataset_uuid = d.dataset_uuid
    ) t
    where d.confirmed
    union all
    select 'job', j.job_uuid, j.namespace, t.week
    from graph.jobs j
    cross join lateral (
        select distinct date_trunc('week', t.at at time zone 'UTC') as week
        from graph.statements s cross join unnest(array[s.first_at, s.last_at]) t (at)
        where s.job_uuid = j.job_uuid
    ) t
) w;
comment on view graph.minimum_weeks is 'Weeks in which the minimum metadata of a dataset or job may have changed.';
comment on column graph.minimum_weeks.kind is 'dataset or job.';
comment on column graph.minimum_weeks.subject_uuid is 'Which one.';
comment on column graph.minimum_weeks.namespace is 'Its namespace.';
comment on column graph.minimum_weeks.week is 'The Monday, in UTC.';
comment on column graph.minimum_weeks.next_week is 'The next such week; null: none.';

-- Since when models, their versions, deployments and streams are known; a model that only a registry names without a tag, from now on.
create view graph.known_models as
select 'model' as kind, m.model_uuid as subject_uuid, m.model_uuid as asset_uuid, coalesce(least(
        (select min(v.first_at) from graph.model_versions v where v.model_uuid = m.model_uuid),
        (select min(least(f.first_at, f.at)) from graph.model_facts f where f.model_uuid = m.model_uuid),
        (select min(s.first_at) from graph.inference_streams s where s.model_uuid = m.model_uuid),
        (select min(s.at) from graph.k8s_objects o join graph.k8s_states s using (object_uuid)
         where o.namespace = m.namespace and s.model = m.name)), now()) as first_at
from graph.models m
union all
select 'model_version', graph.version_uuid(v.model_uuid, v.version), v.model_uuid, v.first_at from graph.model_versions v
union all
select 'deployment', d.deployment_uuid, d.deployment_uuid, least(
    (select min(s.first_at) from graph.inference_streams s where s.deployment_uuid = d.deployment_uuid),
    (select min(o.first_at) from graph.k8s_objects o where o.namespace = d.namespace and o.name = d.name))
from graph.deployments d
union all
select 'inference_stream', s.stream_uuid, s.deployment_uuid, s.first_at from graph.inference_streams s;
comment on view graph.known_models is 'Since when models, versions of them, deployments and streams of predictions are known.';
comment on column graph.known_models.kind is 'model, model_version, deployment or inference_stream.';
comment on column graph.known_models.subject_uuid is 'As in graph.minimum_known.';
comment on column graph.known_models.asset_uuid is 'As in graph.minimum_known.';
comment on column graph.known_models.first_at is 'Earliest time of what names it.';

-- Today's owners, each by itself; null: nobody.
create function graph.owners_or_nobody(kind text, subject uuid) returns setof text
language plpgsql stable rows 1
as $$
begin
    if owners_or_nobody.kind in ('dataset', 'job', 'run') then
        return query
        select distinct o.owner #>> '{}'
        from graph.current_facets cf
        join graph.facets c using (digest)
        cross join lateral jsonb_path_query(c.content, 'lax $.owners[*].name') o (owner)
        where cf.subject_uuid = subject and cf.name = 'ownership' and not c.deleted;
    else
        return query
        select distinct o from string_to_table(graph.owner_of_kind(owners_or_nobody.kind, subject), ', ') o;
    end if;
    if not found then
        return next null;
    end if;
end $$;

create view metaops.minimum_metadata_by_owner as
with states as (
    select w.kind, w.subject_uuid, w.week, w.next_week, s.score, s.gate
    from graph.minimum_weeks w
    cross join lateral (
        select graph.facts_of(w.subject_uuid, case w.kind when 'dataset' then 3 else 2 end::smallint, '-infinity',
                              (w.week + interval '7 days - 1 microsecond') at time zone 'UTC') as facts
        offset 0
    ) f
    cross join lateral graph.minimum_score(w.kind, (f.facts[1] | f.facts[2])::bigint | (1::bigint << 32),
        case w.kind when 'dataset' then graph.inferred_facts(f.facts, graph.alias_facts(w.subject_uuid), w.namespace)
            else f.facts[3] end) s
    where coalesce(w.next_week, now() at time zone 'UTC') > now() at time zone 'UTC' - interval '53 weeks'
), weekly as (
    select s.kind, s.subject_uuid as asset_uuid, g.week, s.score, s.gate
    from states s
    cross join lateral generate_series(
        greatest(s.week, date_trunc('week', now() at time zone 'UTC') - interval '52 weeks'),
        coalesce(s.next_week - interval '1 week', date_trunc('week', now() at time zone 'UTC')), interval '1 week') g (week)
    union all
    select k.kind, k.asset_uuid, date_trunc('week', coalesce(r.started_at, r.first_at) at time zone 'UTC'), s.score, s.gate
    from graph.minimum_known k
    join graph.runs r on r.run_uuid = k.subject_uuid
    cross join lateral graph.minimum_score(k.kind, k.known, k.inferred) s
    where k.kind = 'run' and coalesce(r.started_at, r.first_at) >= now() - interval '53 weeks'
    union all
    select k.kind, k.asset_uuid, g.week, s.score, s.gate
    from graph.known_models k
    cross join lateral generate_series(
        date_trunc('week', greatest(k.first_at, now() - interval '52 weeks') at time zone 'UTC'),
        date_trunc('week', now() at time zone 'UTC'), interval '1 week') g (week)
    cross join lateral (
        select graph.facts_of_kind(k.kind, k.subject_uuid, (g.week + interval '7 days - 1 microsecond') at time zone 'UTC') as f
        offset 0
    ) f
    cross join lateral graph.minimum_score(k.kind, (f.f).known, (f.f).inferred) s
)
select o.owner, w.week::date as week, w.kind, count(*) as assets, count(*) filter (where w.gate) as passed,
    round(avg(w.score), 3) as score
from weekly w
cross join lateral (select o from graph.owners_or_nobody(w.kind, w.asset_uuid) o) o (owner)
group by o.owner, w.week, w.kind;
comment on view metaops.minimum_metadata_by_owner is
    'How complete the metadata of each owner''s assets was, week by week, for a year: by event times, so late events change past weeks.';
comment on column metaops.minimum_metadata_by_owner.owner is
    'One of today''s owners of the assets; an asset of several counts for each; null: nobody''s.';
comment on column metaops.minimum_metadata_by_owner.week is 'The Monday of the week, in UTC.';
comment on column metaops.minimum_metadata_by_owner.kind is 'dataset, job, run, model, model_version, deployment or inference_stream.';
comment on column metaops.minimum_metadata_by_owner.assets is
    'What was known at the end of the week; runs that began in it.';
comment on column metaops.minimum_metadata_by_owner.passed is 'How many of them passed the gate.';
comment on column metaops.minimum_metadata_by_owner.score is 'Their mean score.';

create view metaops.minimum_fields as
select kind, field, ordinal, area, sub_score, is_mandatory, weight, known_by, supplied_by from graph.minimum_fields;
comment on view metaops.minimum_fields is 'What has to be known of each kind of asset.';
comment on column metaops.minimum_fields.kind is 'dataset, job, run, model, model_version, deployment or inference_stream.';
comment on column metaops.minimum_fields.field is 'What has to be known.';
comment on column metaops.minimum_fields.ordinal is 'Its place among those of the kind.';
comment on column metaops.minimum_fields.area is 'identity, lineage, accountability, reproducibility or operations.';
comment on column metaops.minimum_fields.sub_score is 'The sub-score it counts for; identity and operations count for auditability.';
comment on column metaops.minimum_fields.is_mandatory is 'The gate asks for it.';
comment on column metaops.minimum_fields.weight is 'Its share of the score.';
comment on column metaops.minimum_fields.known_by is 'What tells it: facets and tags.';
comment on column metaops.minimum_fields.supplied_by is 'Which tools usually supply it.';

insert into graph.row_views values
    ('graph.minimum_known'), ('graph.minimum_weeks'), ('graph.known_models'), ('metaops.minimum_metadata'), ('metaops.minimum_metadata_by_owner');
