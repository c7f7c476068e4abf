-- From data to prediction: walks that go on from datasets to the models that were trained on them, to what serves these and
-- to its predictions, and back.
--
-- Nodes of a kind other than dataset have names: a model version NAME@VERSION, a stream DEPLOYMENT/ENDPOINT/MODEL without the
-- endpoint where none was named. A version is made of what the run read that made it; a deployment of the versions that it was
-- told to serve, found by the artifact that it loads or else by name and version, or was seen to have ready; a stream of what serves and of the
-- model that answers; a model of its versions. There are few of these beside datasets and jobs: a view is their edges.

create function graph.version_name(model text, version text) returns text
language sql immutable strict parallel safe
return model || '@' || version;
comment on function graph.version_name is 'How walks name a version of a model.';

create view graph.model_links as
select 'inference_stream' as kind, s.namespace, concat_ws('/', s.deployment, nullif(s.endpoint, ''), s.model) as name,
    n.kind as of_kind, s.namespace as of_namespace, n.name as of_name,
    '-infinity'::timestamptz as since, 'infinity'::timestamptz as until
from metaops.inference_streams s
cross join lateral (values ('deployment', s.deployment), ('model', s.model)) n (kind, name)
union all
select 'model', v.namespace, v.name, 'model_version', v.namespace, graph.version_name(v.name, v.version),
    '-infinity', 'infinity'
from metaops.model_versions v
union all
select 'deployment', s.namespace, s.deployment, 'model_version', v.namespace, graph.version_name(v.name, v.version),
    s.served_from, coalesce(s.served_to, 'infinity')
from metaops.served_versions s
join metaops.model_versions v on v.artifact_uri = s.artifact_uri
    or (v.namespace, v.name, v.version) = (s.namespace, s.model, s.version)
union all
select 'deployment', s.namespace, s.server, 'model_version', s.namespace, graph.version_name(s.model, s.version),
    s.since, coalesce(s.until, 'infinity')
from metaops.server_versions s
where s.state = 'READY' and s.version is not null;
comment on view graph.model_links is 'What models, what serves them and predictions are made of.';
comment on column graph.model_links.kind is 'inference_stream, deployment or model.';
comment on column graph.model_links.namespace is 'Its namespace.';
comment on column graph.model_links.name is 'Its name.';
comment on column graph.model_links.of_kind is 'Kind of what it is made of: deployment, model or model_version.';
comment on column graph.model_links.of_namespace is 'Namespace of that.';
comment on column graph.model_links.of_name is 'Name of that.';
comment on column graph.model_links.since is 'From then on; -infinity: always.';
comment on column graph.model_links.until is 'Up to then; infinity: still.';

create view graph.training_links as
select v.namespace, graph.version_name(v.name, v.version) as name, d.namespace as of_namespace, d.name as of_name,
    d.dataset_uuid, j.namespace as job_namespace, j.name as job_name, r.first_at
from metaops.model_versions v
join graph.run_io_sets r using (run_uuid)
join graph.io_sets i on i.io_id = r.io_id and i.direction = 0
join graph.datasets d using (dataset_uuid)
join graph.jobs j on j.job_uuid = i.job_uuid;
comment on view graph.training_links is 'Datasets that the runs read that made versions of models.';
comment on column graph.training_links.namespace is 'Namespace of the model.';
comment on column graph.training_links.name is 'The version, as walks name it.';
comment on column graph.training_links.of_namespace is 'Namespace of the dataset.';
comment on column graph.training_links.of_name is 'Its name.';
comment on column graph.training_links.dataset_uuid is 'The dataset.';
comment on column graph.training_links.job_namespace is 'Namespace of the job.';
comment on column graph.training_links.job_name is 'Its name.';
comment on column graph.training_links.first_at is 'When the run read it first.';

-- The way among models, deployments and streams: the given nodes and all that is made of them, or that they are made of, each
-- once on a shortest way.
create function graph.walk_models(starts metaops.lineage_node[], upward boolean, max_depth integer, as_of timestamptz,
                                  seen_since timestamptz)
returns setof metaops.lineage_node
language sql stable
as $$
    with recursive links as materialized (
        select kind, namespace, name, of_kind as next_kind, of_namespace as next_namespace, of_name as next_name
        from graph.model_links
        where upward and (since <= as_of or as_of is null) and (until >= seen_since or seen_since is null)
        union
        select of_kind, of_namespace, of_name, kind, namespace, name
        from graph.model_links
        where not upward and (since <= as_of or as_of is null) and (until >= seen_since or seen_since is null)
    ), walked as (
        select s.depth, s.kind, s.namespace, s.name, s.via_job_namespace, s.via_job_name, s.path from unnest(starts) s
        union all
        select w.depth + 1, l.next_kind, l.next_namespace, l.next_name, null, null,
            w.path || (l.next_namespace || '/' || l.next_name)
        from walked w
        join links l using (kind, namespace, name)
        where w.depth < max_depth
    )
    select (depth, kind, namespace, name, null, via_job_namespace, via_job_name, path)::metaops.lineage_node
    from (select distinct on (kind, namespace, name) * from walked
          order by kind, namespace, name, depth, path collate "C") w
$$;

-- Upwards from a model, what serves or predicts: on to the datasets that its versions were trained on, and from there.
create function graph.sources_of_model(namespace text, name text, kind text, max_depth integer, as_of timestamptz,
                                       seen_since timestamptz)
returns setof metaops.lineage_node
language sql stable
as $$
    with made_of as materialized (
        select * from graph.walk_models(
            array[(0, kind, namespace, name, null, null, null, array[namespace || '/' || name])::metaops.lineage_node], true,
            max_depth, as_of, seen_since)
    ), trained_on as materialized (
        select distinct on (t.dataset_uuid) m.depth + 1 as depth, t.of_namespace as namespace, t.of_name as name,
            t.job_namespace, t.job_name, m.path || (t.of_namespace || '/' || t.of_name) as path
        from made_of m
        join graph.training_links t using (namespace, name)
        where m.kind = 'model_version' and m.depth < max_depth
            and (t.first_at <= as_of or as_of is null) and (t.first_at >= seen_since or seen_since is null)
        order by t.dataset_uuid, m.depth, m.path collate "C", t.job_namespace collate "C", t.job_name collate "C"
    )
    select m.* from made_of m where m.depth > 0
    union all
    select t.depth, 'dataset', t.namespace, t.name, null, t.job_namespace, t.job_name, t.path from trained_on t
    union all
    select t.depth + w.depth, w.kind, w.namespace, w.name, w.field, w.via_job_namespace, w.via_job_name, t.path || w.path[2:]
    from trained_on t
    cross join lateral graph.walk_from(t.namespace, t.name, null, 'dataset', true, max_depth - t.depth, as_of, seen_since) w
$$;

-- Downwards from a start (a dataset or job) and the datasets that a walk reached: the versions trained on them, or made by the
-- job, and on.
create function graph.models_of(start metaops.lineage_node, datasets metaops.lineage_node[], max_depth integer, as_of timestamptz,
                                seen_since timestamptz)
returns setof metaops.lineage_node
language sql stable
as $$
    with made as materialized (
        select d.depth + 1 as depth, t.namespace, t.name, t.job_namespace, t.job_name, d.path, t.first_at
        from unnest(start || datasets) d
        join graph.training_links t on t.of_namespace = d.namespace and t.of_name = d.name
        where d.kind = 'dataset'
        union all
        select 1, v.namespace, graph.version_name(v.name, v.version), j.namespace, j.name, start.path, r.first_at
        from graph.jobs j
        join graph.runs r using (job_uuid)
        join metaops.model_versions v using (run_uuid)
        where start.kind = 'job' and j.namespace = start.namespace and j.name = start.name
    ), versions as materialized (
        select distinct on (m.namespace, m.name) m.*
        from made m
        where m.depth <= max_depth and (m.first_at <= as_of or as_of is null) and (m.first_at >= seen_since or seen_since is null)
        order by m.namespace, m.name, m.depth, m.path collate "C", m.job_namespace collate "C", m.job_name collate "C"
    )
    select w.*
    from graph.walk_models(
        array(select (v.depth, 'model_version', v.namespace, v.name, null, v.job_namespace, v.job_name,
                      v.path || (v.namespace || '/' || v.name))::metaops.lineage_node
              from versions v), false, max_depth, as_of, seen_since) w
$$;

-- Rows of one node at its least depth; in the order of depth, then of paths; what is hidden behind all others.
create function graph.nearest(nodes metaops.lineage_node[]) returns setof metaops.lineage_node
language sql immutable
as $$
    select depth, kind, namespace, name, field, via_job_namespace, via_job_name, path
    from (select distinct on (kind, namespace, name, case when kind = 'hidden' then path end, case when kind = 'hidden' then via_job_name end) *
          from unnest(nodes)
          order by kind, namespace, name, case when kind = 'hidden' then path end, case when kind = 'hidden' then via_job_name end,
              depth, path collate "C") n
    order by kind = 'hidden', depth, path collate "C", kind collate "C"
$$;

create function graph.walk_all(namespace text, name text, kind text, upward boolean, max_depth integer, as_of timestamptz,
                               seen_since timestamptz)
returns setof metaops.lineage_node
language plpgsql stable
as $$
declare
    is_model constant boolean := kind in ('model', 'model_version', 'deployment', 'inference_stream');
    start constant metaops.lineage_node := (0, kind, namespace, name, null, null, null, array[namespace || '/' || name]);
    datasets metaops.lineage_node[];
    models metaops.lineage_node[];
begin
    if is_model and upward then
        return query select * from graph.nearest(array(
            select s from graph.sources_of_model(namespace, name, kind, max_depth, as_of, seen_since) s));
    elsif is_model then
        return query select * from graph.nearest(array(
            select w from graph.walk_models(array[start], false, max_depth, as_of, seen_since) w where w.depth > 0));
    elsif upward or not exists (select from graph.model_versions) then
        return query select * from graph.walk_from(namespace, name, null, kind, upward, max_depth, as_of, seen_since);
    else
        datasets := array(select w from graph.walk_from(namespace, name, null, kind, false, max_depth, as_of, seen_since) w);
        models := array(select m from graph.models_of(start, datasets, max_depth, as_of, seen_since) m);
        if cardinality(models) > 0 then
            return query select * from graph.nearest(datasets || models);
        else
            return query select * from unnest(datasets);
        end if;
    end if;
end $$;

create or replace function metaops.upstream(namespace text, name text, max_depth integer default 20,
                                            as_of timestamptz default null, seen_since timestamptz default null,
                                            kind text default 'dataset')
returns setof metaops.lineage_node
language sql stable
as $$
    select * from graph.walk_all(upstream.namespace, upstream.name, upstream.kind, true, upstream.max_depth, upstream.as_of,
                                 upstream.seen_since)
$$;
comment on function metaops.upstream is
    'What feeds the dataset (or, by kind, the job, model, model_version NAME@VERSION, deployment, inference_stream DEPLOYMENT/ENDPOINT/MODEL), each once at its least depth with one shortest path. as_of: only what events up to then say; seen_since: only edges last observed since then.';

-- Models whose versions were trained on what a walk reached, or made by its jobs, and what serves these now. A job that tells
-- which columns it reads is hit through them alone.
create function graph.models_hit(reach graph.reached[])
returns table (depth integer, kind text, id uuid, namespace text, name text)
language plpgsql stable
as $$
begin
    if not exists (select from graph.model_versions v where v.run_uuid is not null) then
        return;
    end if;
    return query
    with trained as (
        select r.job_uuid, r.depth from unnest(reach) r where r.job_uuid is not null
        union
        select e.job_uuid, r.depth + 1
        from unnest(reach) r
        join graph.edges e on e.dataset_uuid = r.dataset_uuid and e.direction = 0
        where not exists (select from graph.column_edges c where c.input_uuid = e.dataset_uuid and c.job_uuid = e.job_uuid)
    ), made as materialized (
        select v.model_uuid, m.namespace, m.name, graph.version_name(m.name, v.version) as version, min(t.depth) as depth
        from trained t
        join graph.runs r using (job_uuid)
        join graph.model_versions v using (run_uuid)
        join graph.models m using (model_uuid)
        group by v.model_uuid, m.namespace, m.name, v.version
    ), hit as (
        select m.depth, 'model' as kind, m.model_uuid as id, m.namespace, m.name from made m
        union all
        select m.depth + 1, 'deployment', d.deployment_uuid, d.namespace, d.name
        from made m
        join graph.model_links l on l.kind = 'deployment' and l.of_kind = 'model_version' and l.until = 'infinity'
            and l.of_namespace = m.namespace and l.of_name = m.version
        join graph.deployments d on d.namespace = l.namespace and d.name = l.name
        union all
        select m.depth + 1, 'deployment', d.deployment_uuid, d.namespace, d.name
        from made m
        join graph.inference_streams s using (model_uuid)
        join graph.deployments d using (deployment_uuid)
    )
    select min(h.depth), h.kind, h.id, h.namespace, h.name from hit h group by h.kind, h.id, h.namespace, h.name;
end $$;

create or replace function metaops.downstream(namespace text, name text, max_depth integer default 20,
                                              as_of timestamptz default null, seen_since timestamptz default null,
                                              kind text default 'dataset')
returns setof metaops.lineage_node
language sql stable
as $$
    select * from graph.walk_all(downstream.namespace, downstream.name, downstream.kind, false, downstream.max_depth,
                                 downstream.as_of, downstream.seen_since)
$$;
comment on function metaops.downstream is
    'What is made of the dataset (or, by kind, by the job, of the model, ...): datasets, versions of models trained on them, what serves these and its predictions, as metaops.upstream.';
comment on column metaops.lineage_node.kind is
    'What the node is: dataset, model, model_version, deployment, inference_stream; or hidden: the way goes on to what this role may not see.';
comment on column metaops.lineage_node.depth is 'Steps between the start and the node, on a shortest way: jobs between datasets; from model to version, from version to deployment and so on.';

insert into graph.row_views values ('graph.model_links'), ('graph.training_links');
