-- Walks through the graph: breadth first, one level per statement, sets instead of rows.
--
-- A node is a dataset with all its aliases (closure over graph.symlinks, both ways). Every walk keeps its nodes in
-- arrays in the order of their paths: level by level, and within a level by the predecessor's position and then by
-- name, which is the order of the shortest paths themselves. So "the least path" of a node is simply its
-- predecessor with the least position.
--
-- The planner sees arrays of unknown length, and the statistics of a table that grows: plans are made once per
-- session and always go along indexes, which is right for a frontier of any size. The settings stand at
-- graph.walk only: each costs time at every call, and what it calls inherits them.

create type metaops.lineage_node as (
    depth integer,
    kind text,
    namespace text,
    name text,
    field text,
    via_job_namespace text,
    via_job_name text,
    path text[]
);
comment on type metaops.lineage_node is 'A node that a walk reaches.';
comment on column metaops.lineage_node.depth is 'Jobs between the start and the node, on a shortest way.';
comment on column metaops.lineage_node.kind is 'What the node is: dataset.';
comment on column metaops.lineage_node.namespace is 'Namespace of the node.';
comment on column metaops.lineage_node.name is 'Name of the node.';
comment on column metaops.lineage_node.field is 'Field, in walks over columns.';
comment on column metaops.lineage_node.via_job_namespace is 'Job between the node and the one before it.';
comment on column metaops.lineage_node.via_job_name is 'Job between the node and the one before it.';
comment on column metaops.lineage_node.path is
    'namespace/name of each node from the start to this one, with #field in walks over columns.';

-- All ids that name the same dataset as the given ones: (one of the given ones, its alias), itself included.
create function graph.aliases(datasets uuid[]) returns table (root uuid, member uuid)
language plpgsql stable rows 10
as $$
begin
    return query
    with recursive closure(root, member) as (
        select d, d from unnest(datasets) d
        union
        select c.root, l.other
        from closure c
        cross join lateral (
            select s.other_uuid as other from graph.symlinks s where s.dataset_uuid = c.member
            union all
            select s.dataset_uuid from graph.symlinks s where s.other_uuid = c.member
        ) l
    )
    select c.root, c.member from closure c;
end $$;

-- Ids of the dataset of a name and of all its aliases; empty when nobody ever named it.
create function graph.dataset_ids(namespace text, name text) returns uuid[]
language plpgsql stable
as $$
declare
    found_ids uuid[];
begin
    select array_agg(d.dataset_uuid) into found_ids
    from graph.datasets d
    where d.name = dataset_ids.name and d.namespace = dataset_ids.namespace;
    if found_ids is null then
        select array_agg(distinct s.other_uuid) into found_ids
        from graph.symlinks s
        where s.other_name = dataset_ids.name and s.other_namespace = dataset_ids.namespace;
    end if;
    if found_ids is null then
        return array[]::uuid[];
    end if;
    return array(select distinct a.member from graph.aliases(found_ids) a);
end $$;

-- True when an event with a time in [seen_since, as_of] carries the statement. The times of the statement decide
-- almost always; between them only the events themselves know.
create function graph.statement_seen(statement uuid, first_at timestamptz, last_at timestamptz,
                                     as_of timestamptz, seen_since timestamptz) returns boolean
language plpgsql stable
as $$
begin
    if first_at > as_of or last_at < seen_since then
        return false;
    end if;
    if as_of is null or seen_since is null or last_at <= as_of or first_at >= seen_since then
        return true;
    end if;
    return exists (select from graph.events e
                   where e.statement_id = statement and e.event_time between seen_since and as_of);
end $$;

create function graph.edge_seen(job uuid, direction smallint, dataset uuid, as_of timestamptz,
                                seen_since timestamptz) returns boolean
language sql stable
as $$
    select exists (
        select from graph.io_sets i
        join graph.statements s using (io_id)
        where i.dataset_uuid = edge_seen.dataset and i.direction = edge_seen.direction
            and i.job_uuid = edge_seen.job
            and graph.statement_seen(s.statement_id, s.first_at, s.last_at, edge_seen.as_of,
                                     edge_seen.seen_since))
        -- What a run reads and writes is known for longer than its events; columns are in those alone.
        or exists (
            select from graph.io_sets i
            join graph.run_io_sets ri using (io_id)
            where i.dataset_uuid = edge_seen.dataset and i.direction = edge_seen.direction
                and i.job_uuid = edge_seen.job
                and ri.first_at between edge_seen.seen_since and edge_seen.as_of)
$$;

create function graph.column_edge_seen(output uuid, job uuid, digest uuid, as_of timestamptz,
                                       seen_since timestamptz) returns boolean
language sql stable
as $$
    select exists (
        select from graph.descriptions d
        join graph.statement_datasets sd on sd.description_id = d.description_id
            and sd.dataset_uuid = column_edge_seen.output
        join graph.statements s using (statement_id)
        where d.digest = column_edge_seen.digest
            and coalesce(s.job_uuid, '00000000-0000-0000-0000-000000000000') = column_edge_seen.job
            and graph.statement_seen(s.statement_id, s.first_at, s.last_at, column_edge_seen.as_of,
                                     column_edge_seen.seen_since))
$$;

-- One level of a walk over datasets: from nodes (dataset ids with the positions of their nodes), or from jobs
-- when jobs_in is given, to datasets that are in none of known_in; of several ways the one from the least
-- position, then through the least job. In the order of their paths. enter is the direction of the edges that lead into a job.
create function graph.step(from_in uuid[], positions_in integer[], jobs_in uuid[], known_in uuid[],
                           enter smallint, as_of timestamptz, seen_since timestamptz)
returns table (dataset uuid, namespace text, name text, field text, before integer, job_namespace text,
               job_name text)
language plpgsql stable
as $$
declare
    leave constant smallint := 1 - enter;
    timeless constant boolean := as_of is null and seen_since is null;
begin
    return query
    with jobs as (
        select e.job_uuid, min(f.position) as position
        from unnest(from_in, positions_in) f (dataset, position)
        join graph.edges e on e.dataset_uuid = f.dataset and e.direction = enter
        where timeless or graph.edge_seen(e.job_uuid, enter, f.dataset, as_of, seen_since)
        group by e.job_uuid
        union all
        select j, 1 from unnest(jobs_in) j
    ), ways as materialized (
        -- One text that sorts like (position, namespace, name): the least of many is one cheap aggregate.
        select w.job_uuid,
            lpad(w.position::text, 10, '0') || e'\x01' || j.namespace || e'\x01' || j.name as way
        from jobs w
        join graph.jobs j on j.job_uuid = w.job_uuid
    ), reached as (
        select e.dataset_uuid, min(w.way collate "C") as way
        from ways w
        join graph.edges e on e.job_uuid = w.job_uuid and e.direction = leave
        where timeless or graph.edge_seen(w.job_uuid, leave, e.dataset_uuid, as_of, seen_since)
        group by e.dataset_uuid
    )
    select d.dataset_uuid, d.namespace, d.name, '', split_part(r.way, e'\x01', 1)::integer,
        split_part(r.way, e'\x01', 2), substr(r.way, strpos(substr(r.way, 12), e'\x01') + 12)
    from reached r
    join graph.datasets d using (dataset_uuid)
    -- Hashed, whatever the size of either side.
    where r.dataset_uuid not in (select k from unnest(known_in) k)
    order by left(r.way, 10), (d.namespace || '/' || d.name) collate "C", d.dataset_uuid;
end $$;

-- The same over fields. An entry without output field touches every field of its dataset: the fields of its
-- schema and those that any lineage names.
create function graph.column_step(from_in uuid[], fields_in text[], positions_in integer[], known_in uuid[],
                                  known_fields_in text[], upward boolean, as_of timestamptz,
                                  seen_since timestamptz)
returns table (dataset uuid, namespace text, name text, field text, before integer, job_namespace text,
               job_name text)
language plpgsql stable
as $$
declare
    timeless constant boolean := as_of is null and seen_since is null;
begin
    return query
    with hits as (
        select case when upward then e.input_uuid else e.output_uuid end as dataset,
            case when upward then e.input_field else e.output_field end as field,
            e.job_uuid, min(f.position) as position
        from unnest(from_in, fields_in, positions_in) f (dataset, field, position)
        cross join lateral (
            select u.* from graph.column_edges u
            where upward and u.output_uuid = f.dataset
                and (u.output_field = f.field or u.output_field is null)
            union all
            select d.* from graph.column_edges d
            where not upward and d.input_uuid = f.dataset and d.input_field = f.field
        ) e
        where timeless or graph.column_edge_seen(e.output_uuid, e.job_uuid, e.digest, as_of, seen_since)
        group by 1, 2, 3
    ), named as (
        select h.dataset, h.field, h.position, coalesce(j.namespace, '') as namespace,
            coalesce(j.name, '') as name
        from hits h
        left join graph.jobs j on j.job_uuid = h.job_uuid
    ), reached as (
        select n.dataset, n.field, n.position, n.namespace, n.name from named n where n.field is not null
        union all
        select n.dataset, w.field, n.position, n.namespace, n.name
        from named n
        cross join lateral (
            select ff.field from graph.fields_of(n.dataset) ff
            union
            select ce.output_field from graph.column_edges ce
            where ce.output_uuid = n.dataset and ce.output_field is not null
        ) w
        where n.field is null
    ), best as (
        select distinct on (r.dataset, r.field) r.dataset, r.field, r.position, r.namespace, r.name
        from reached r
        where (r.dataset, r.field) not in (
            select k.dataset, k.field from unnest(known_in, known_fields_in) k (dataset, field))
        order by r.dataset, r.field, r.position, r.namespace collate "C", r.name collate "C"
    )
    select b.dataset, d.namespace, d.name, b.field, b.position, nullif(b.namespace, ''), nullif(b.name, '')
    from best b
    join graph.datasets d on d.dataset_uuid = b.dataset
    order by b.position, (d.namespace || '/' || d.name) collate "C", b.field collate "C", b.dataset;
end $$;

-- Reached ids become nodes: one for each group of aliases and field, in the order of their paths.
-- The node shows its confirmed dataset, of several the least name.
create function graph.fold(roots_in uuid[], members_in uuid[], datasets_in uuid[], fields_in text[],
                           before_in integer[], job_namespaces_in text[], job_names_in text[])
returns table (root uuid, namespace text, name text, field text, before integer, job_namespace text,
               job_name text)
language sql stable
as $$
    with groups as (
        -- All ids of one group of aliases have the same set of members, so the least of them names the group.
        select a.root, (array_agg(a.member order by a.member))[1] as id
        from unnest(roots_in, members_in) a (root, member)
        group by a.root
    ), reached as (
        select distinct on (g.id, r.field) g.id, g.root, r.field, r.before, r.job_namespace, r.job_name
        from unnest(datasets_in, fields_in, before_in, job_namespaces_in, job_names_in)
            r (dataset, field, before, job_namespace, job_name)
        join groups g on g.root = r.dataset
        order by g.id, r.field, r.before, r.job_namespace collate "C" nulls first,
            r.job_name collate "C" nulls first
    )
    select r.root, d.namespace, d.name, r.field, r.before, r.job_namespace, r.job_name
    from reached r
    cross join lateral (
        select m.namespace, m.name
        from unnest(roots_in, members_in) a (root, member)
        join graph.datasets m on m.dataset_uuid = a.member
        where a.root = r.root
        order by m.confirmed desc, (m.namespace || '/' || m.name) collate "C" limit 1
    ) d
    order by r.before, (d.namespace || '/' || d.name) collate "C", r.field collate "C", r.root
$$;

-- The rows of a walk: from each node's predecessor to whole paths. Joins of arrays of any size: hashed.
create function graph.walked(depths integer[], namespaces text[], names text[], fields text[],
                             before integer[], job_namespaces text[], job_names text[], shown text[])
returns setof metaops.lineage_node
language plpgsql stable
set enable_hashjoin = on
set enable_nestloop = off
as $$
begin
    return query
    with recursive nodes as materialized (
        select *
        from unnest(depths, namespaces, names, fields, before, job_namespaces, job_names, shown)
            with ordinality n (depth, namespace, name, field, before, job_namespace, job_name, shown,
                               position)
    ), paths(position, path) as (
        select n.position, array[n.shown] from nodes n where n.before = 0
        union all
        select n.position, p.path || n.shown
        from paths p
        join nodes n on n.before = p.position
    )
    select n.depth, 'dataset', n.namespace, n.name, nullif(n.field, ''), n.job_namespace, n.job_name, p.path
    from nodes n
    join paths p using (position)
    where n.before > 0
    order by n.position;
end $$;

-- The walk. Position 1 of all arrays is the start: a group of aliases (with a field: of one field of it), or a
-- job. upward: towards the sources.
create function graph.walk(start_ids uuid[], start_field text, start_job uuid, start_shown text,
                           upward boolean, max_depth integer, as_of timestamptz, seen_since timestamptz)
returns setof metaops.lineage_node
language plpgsql stable
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
set jit = off
as $$
declare
    has_aliases constant boolean := exists (select from graph.symlinks);
    enter constant smallint := case when upward then 1 else 0 end;
    depths integer[] := array[0];
    namespaces text[] := array[''];
    names text[] := array[''];
    fields text[] := array[''];
    before integer[] := array[0];
    job_namespaces text[] := array[''];
    job_names text[] := array[''];
    shown text[] := array[start_shown];
    known uuid[] := start_ids;
    known_fields text[] := array_fill(coalesce(start_field, ''), array[cardinality(start_ids)]);
    edge_ids uuid[] := start_ids;
    edge_fields text[] := known_fields;
    edge_positions integer[] := array_fill(1, array[cardinality(start_ids)]);
    jobs uuid[] := case when start_job is not null then array[start_job] end;
    node record;
    roots uuid[];
    members uuid[];
    base integer;
begin
    for level in 1..max_depth loop
        if start_field is null then
            select array_agg(s.dataset) as roots, array_agg(s.namespace) as namespaces,
                array_agg(s.name) as names, array_agg(s.field) as fields, array_agg(s.before) as before,
                array_agg(s.job_namespace) as job_namespaces, array_agg(s.job_name) as job_names
            into node
            from graph.step(edge_ids, edge_positions, jobs, known, enter, as_of, seen_since) s;
        else
            select array_agg(s.dataset) as roots, array_agg(s.namespace) as namespaces,
                array_agg(s.name) as names, array_agg(s.field) as fields, array_agg(s.before) as before,
                array_agg(s.job_namespace) as job_namespaces, array_agg(s.job_name) as job_names
            into node
            from graph.column_step(edge_ids, edge_fields, edge_positions, known, known_fields, upward, as_of,
                                   seen_since) s;
        end if;
        exit when node.roots is null;
        jobs := null;
        base := cardinality(before);

        if has_aliases and exists (
            select from unnest(node.roots) r
            where exists (select from graph.symlinks s where s.dataset_uuid = r)
                or exists (select from graph.symlinks s where s.other_uuid = r)
        ) then
            select array_agg(a.root), array_agg(a.member) into roots, members
            from graph.aliases(array(select distinct r from unnest(node.roots) r)) a;
            select array_agg(f.root) as roots, array_agg(f.namespace) as namespaces,
                array_agg(f.name) as names, array_agg(f.field) as fields, array_agg(f.before) as before,
                array_agg(f.job_namespace) as job_namespaces, array_agg(f.job_name) as job_names
            into node
            from graph.fold(roots, members, node.roots, node.fields, node.before, node.job_namespaces,
                            node.job_names) f;
            select array_agg(a.member), array_agg(n.field), array_agg((base + n.position)::integer)
            into edge_ids, edge_fields, edge_positions
            from unnest(node.roots, node.fields) with ordinality n (root, field, position)
            join unnest(roots, members) a (root, member) on a.root = n.root;
        else
            edge_ids := node.roots;
            edge_fields := node.fields;
            edge_positions := array(select generate_series(base + 1, base + cardinality(node.roots)));
        end if;

        depths := depths || array_fill(level, array[cardinality(node.roots)]);
        namespaces := namespaces || node.namespaces;
        names := names || node.names;
        fields := fields || node.fields;
        before := before || node.before;
        job_namespaces := job_namespaces || node.job_namespaces;
        job_names := job_names || node.job_names;
        shown := shown || array(
            select n.namespace || '/' || n.name || case when start_field is null then '' else '#' || n.field end
            from unnest(node.namespaces, node.names, node.fields) with ordinality n (namespace, name, field, position)
            order by n.position);
        known := known || edge_ids;
        known_fields := known_fields || edge_fields;
    end loop;
    return query
    select * from graph.walked(depths, namespaces, names, fields, before, job_namespaces, job_names, shown);
end $$;

-- Both ends of the four public functions.
create function graph.walk_from(namespace text, name text, field text, kind text, upward boolean,
                                max_depth integer, as_of timestamptz, seen_since timestamptz)
returns setof metaops.lineage_node
language plpgsql stable
as $$
declare
    start_shown constant text := namespace || '/' || name || coalesce('#' || field, '');
    start_ids uuid[] := array[]::uuid[];
    start_job uuid;
begin
    if kind = 'job' then
        select j.job_uuid into start_job
        from graph.jobs j
        where j.name = walk_from.name and j.namespace = walk_from.namespace;
    elsif kind = 'dataset' then
        start_ids := graph.dataset_ids(namespace, name);
    else
        raise exception 'kind is dataset or job' using errcode = 'invalid_parameter_value';
    end if;
    if start_job is null and cardinality(start_ids) = 0 then
        return;
    end if;
    return query
    select * from graph.walk(start_ids, field, start_job, start_shown, upward, max_depth, as_of, seen_since);
end $$;

create function metaops.upstream(namespace text, name text, max_depth integer default 20,
                                 as_of timestamptz default null, seen_since timestamptz default null,
                                 kind text default 'dataset')
returns setof metaops.lineage_node
language sql stable
as $$
    select * from graph.walk_from(upstream.namespace, upstream.name, null, upstream.kind, true,
                                  upstream.max_depth, upstream.as_of, upstream.seen_since)
$$;
comment on function metaops.upstream is
    'Datasets that feed the dataset (or, kind job, the job), each once at its least depth with one shortest path. as_of: only what events up to then say; seen_since: only edges last observed since then.';

create function metaops.downstream(namespace text, name text, max_depth integer default 20,
                                   as_of timestamptz default null, seen_since timestamptz default null,
                                   kind text default 'dataset')
returns setof metaops.lineage_node
language sql stable
as $$
    select * from graph.walk_from(downstream.namespace, downstream.name, null, downstream.kind, false,
                                  downstream.max_depth, downstream.as_of, downstream.seen_since)
$$;
comment on function metaops.downstream is
    'Datasets that are made of the dataset (or, kind job, by the job), as metaops.upstream.';

create function metaops.column_upstream(namespace text, name text, field text, max_depth integer default 20,
                                        as_of timestamptz default null,
                                        seen_since timestamptz default null)
returns setof metaops.lineage_node
language sql stable
as $$
    select * from graph.walk_from(column_upstream.namespace, column_upstream.name, column_upstream.field,
                                  'dataset', true, column_upstream.max_depth, column_upstream.as_of,
                                  column_upstream.seen_since)
$$;
comment on function metaops.column_upstream is
    'Fields that feed the field, by column lineage; inputs that touch a whole dataset count for each of its fields.';

create function metaops.column_downstream(namespace text, name text, field text,
                                          max_depth integer default 20, as_of timestamptz default null,
                                          seen_since timestamptz default null)
returns setof metaops.lineage_node
language sql stable
as $$
    select * from graph.walk_from(column_downstream.namespace, column_downstream.name,
                                  column_downstream.field, 'dataset', false, column_downstream.max_depth,
                                  column_downstream.as_of, column_downstream.seen_since)
$$;
comment on function metaops.column_downstream is 'Fields that are made of the field, as metaops.column_upstream.';
