-- Readers who may see some namespaces only. Off until the owner restricts the first role:
--
--     select metaops.restrict_reader('analyst_emea', '{postgres://emea:5432, airflow-emea}');
--
-- What a namespace owns: its jobs and datasets; a run belongs to its job, a statement and an event to the job they name
-- (a dataset event to its dataset); an edge or a column edge is seen by who sees every end of it. What is said of a
-- visible dataset by a hidden job is not seen. Content that is shared by digest (descriptions, facets) is seen when
-- something visible says it, and a facet or a body only when no member "namespace" in it names a hidden one.
--
-- Views run with the rights of who asks (security_invoker) over policies on the base tables, so that functions, joins
-- and conditions of any kind meet the policies first, and members of metaops_reader have a policy that is simply
-- true, which the planner removes. The alternative, views as the owner with a condition in each, costs every reader
-- a test per row. Base tables can be selected by such a role and show no more than the views; sizes of tables, and
-- in EXPLAIN how many rows a policy held back, are not hidden. Bodies cannot be selected at all: metaops.event_body()
-- and metaops.evidence() give those that pass. Facets of single events (of runs, inputFacets, outputFacets) are not
-- shown to such a role, nor are producers inside of facets, nor anything outside of the graph (dead letters, offsets,
-- keys).
--
-- Such a role's plans are large; `alter role ... set jit = off` for it, as compiling them costs more than it gives.
--
-- A walk ends where something is hidden with one row of kind 'hidden' without a name for each way there: the last
-- visible node, by the job when that is visible. Such rows come behind all others.

create table graph.restricted_readers (
    role regrole primary key,
    namespaces text[] not null
);
comment on table graph.restricted_readers is 'Roles that may read some namespaces only (metaops.restrict_reader).';
comment on column graph.restricted_readers.role is 'The role; its members inherit what it may read.';
comment on column graph.restricted_readers.namespaces is 'The namespaces, exactly as they were sent.';

-- True for a role that policies hold back. Members of the reader and the writer are not, nor is the owner.
create function graph.is_restricted() returns boolean
language sql stable parallel safe
return row_security_active('graph.datasets')
    and not coalesce(pg_has_role(current_user, to_regrole('metaops_reader')::oid, 'usage'), false)
    and not coalesce(pg_has_role(current_user, to_regrole('metaops_writer')::oid, 'usage'), false);

-- For functions that run as the owner: what reader, the caller's current_user, may see. Nobody can ask for a role that
-- his session could not become.
create function graph.namespaces_of(reader name) returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if not pg_has_role(session_user, reader, 'member') then
        raise exception 'not a member of role %', reader using errcode = 'insufficient_privilege';
    end if;
    return array(select n from graph.restricted_readers r, unnest(r.namespaces) n
                 where pg_has_role(reader, r.role::oid, 'usage'));
end $$;

create function graph.digests_of(ids bytea) returns uuid[]
language sql immutable strict parallel safe
return array(select graph.slot_digest(ids, i) from generate_series(0, octet_length(ids) / 16 - 1) i);

-- True when no member "namespace" at any depth is a text outside of the list.
create function graph.names_only(content jsonb, namespaces text[]) returns boolean
language sql immutable parallel safe
return not exists (
    select from jsonb_path_query(content, 'strict $.**.namespace') n
    where jsonb_typeof(n) = 'string' and not (n #>> '{}') = any (namespaces));

-- Does anything in these namespaces say so? The indexes it goes by are made when the first role is restricted.
create function graph.described_in(description uuid, namespaces text[]) returns boolean
language plpgsql stable
as $$
begin
    return exists (
            select from graph.statements s
            join graph.jobs j using (job_uuid)
            where s.job_description = description and j.namespace = any (namespaces))
        or exists (
            select from graph.statements s
            join graph.io_sets i on i.io_id = s.io_id
            join graph.datasets d using (dataset_uuid)
            left join graph.jobs j on j.job_uuid = s.job_uuid
            where graph.digests_of(s.descriptions) @> array[description]
                and graph.slot_digest(s.descriptions, i.ordinal) = description
                and d.namespace = any (namespaces) and (s.job_uuid is null or j.namespace = any (namespaces)));
end $$;
revoke execute on function graph.described_in(uuid, text[]) from public;

-- What policies ask, a row at a time. A few of them written out as conditions would put a plan of hundreds of nodes
-- into every query; their cost makes the planner look things up instead of asking for every row.
create function graph.sees_io(reader name, io uuid) returns boolean
language plpgsql stable security definer cost 1000 set search_path = pg_catalog, pg_temp
as $$
declare
    mine constant text[] := graph.namespaces_of(reader);
begin
    return exists (
        select from graph.io_sets i
        join graph.datasets d using (dataset_uuid)
        left join graph.jobs j on j.job_uuid = i.job_uuid
        where i.io_id = io and d.namespace = any (mine) and (i.job_uuid is null or j.namespace = any (mine)));
end $$;

create function graph.sees_statement(reader name, statement uuid) returns boolean
language plpgsql stable security definer cost 1000 set search_path = pg_catalog, pg_temp
as $$
declare
    mine constant text[] := graph.namespaces_of(reader);
begin
    return exists (
        select from graph.statements s
        left join graph.jobs j using (job_uuid)
        where s.statement_id = statement
            and (j.namespace = any (mine) or s.job_uuid is null and graph.sees_io(reader, s.io_id)));
end $$;

create function graph.sees_run(reader name, run uuid) returns boolean
language plpgsql stable security definer cost 1000 set search_path = pg_catalog, pg_temp
as $$
declare
    mine constant text[] := graph.namespaces_of(reader);
begin
    return exists (select from graph.runs r join graph.jobs j using (job_uuid)
                   where r.run_uuid = run and j.namespace = any (mine));
end $$;

create function graph.sees_layout(reader name, layout uuid, subject uuid) returns boolean
language plpgsql stable security definer cost 1000 set search_path = pg_catalog, pg_temp
as $$
declare
    mine constant text[] := graph.namespaces_of(reader);
begin
    return exists (select from graph.statements s
                   where s.layout_id = layout and graph.sees_statement(reader, s.statement_id))
        and (subject is null
             or exists (select from graph.datasets d where d.dataset_uuid = subject and d.namespace = any (mine))
             or exists (select from graph.jobs j where j.job_uuid = subject and j.namespace = any (mine)));
end $$;

create function graph.sees_description(reader name, description uuid) returns boolean
language plpgsql stable security definer cost 1000 set search_path = pg_catalog, pg_temp
as $$
begin
    return graph.described_in(description, graph.namespaces_of(reader));
end $$;

create function graph.sees_facet(reader name, digest uuid, content jsonb) returns boolean
language plpgsql stable security definer cost 1000 set search_path = pg_catalog, pg_temp
as $$
declare
    mine constant text[] := graph.namespaces_of(reader);
begin
    return graph.names_only(content, mine) and exists (
        select from graph.descriptions d
        where d.digest = sees_facet.digest and graph.described_in(d.description_id, mine));
end $$;

-- Bodies -------------------------------------------------------------------------------------------------------

create function graph.restricted_body(reader name, event uuid) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
    mine constant text[] := graph.namespaces_of(reader);
    body text;
begin
    select graph.body_text(e.body, e.body_base, e.body_bytes) into body
    from graph.events e
    join graph.statements s using (statement_id)
    left join graph.jobs j using (job_uuid)
    where e.event_id = event and (s.job_uuid is null or j.namespace = any (mine))
    limit 1;
    return case when graph.names_only(graph.body_json(body), mine) then body end;
exception when data_exception or program_limit_exceeded then
    return null; -- what cannot be searched is not shown
end $$;

create or replace function metaops.event_body(event_id uuid) returns text
language plpgsql stable parallel safe
as $$
begin
    if graph.is_restricted() then
        return graph.restricted_body(current_user, event_body.event_id);
    end if;
    return (select graph.body_text(e.body, e.body_base, e.body_bytes)
            from graph.events e
            where e.event_id = event_body.event_id
            limit 1);
end $$;
comment on function metaops.event_body is
    'The event''s JSON as it was stored: as received, but for redactions. Null when it is kept no longer, or names what the role may not see.';

-- As before, with each body by metaops.event_body.
create or replace function metaops.evidence(job_namespace text, job_name text, dataset_namespace text,
                                            dataset_name text, field text default null)
returns table (event_id uuid, event_time timestamptz, run_id text, producer text, principal text, topic text,
               partition integer, kafka_offset bigint, json_pointer text, body text)
language sql stable
as $$
    select e.event_id, e.event_time, graph.run_name(e.run_id, e.run_uuid), e.producer, e.principal,
        e.topic, e.kafka_partition::int, e.kafka_offset, p.place, e.text
    from (
        select v.event_id, v.event_time, v.run_uuid, v.principal, v.topic, v.kafka_partition, v.kafka_offset,
            r.run_id, s.producer, metaops.event_body(v.event_id) as text
        from graph.statements s
        join graph.events v using (statement_id)
        left join graph.runs r on r.run_uuid = v.run_uuid
        where case when evidence.job_name is null then s.job_uuid is null
                else s.job_uuid = (select j.job_uuid from graph.jobs j
                                   where j.name = evidence.job_name
                                       and j.namespace = evidence.job_namespace) end
            -- Column lineage can name datasets that are no input of the job.
            and case when evidence.field is not null then exists (
                    select from graph.statement_datasets sd
                    join graph.descriptions d using (description_id)
                    where sd.statement_id = s.statement_id and d.name = 'columnLineage')
                else s.io_id in (select i.io_id from graph.io_sets i
                                where i.dataset_uuid = any (graph.dataset_ids(
                                    evidence.dataset_namespace, evidence.dataset_name))) end
        order by v.event_time desc, v.event_id
    ) e
    cross join lateral graph.body_places(e.text,
        array(select graph.name_pair(n.namespace, n.name)
              from graph.dataset_names(evidence.dataset_namespace, evidence.dataset_name) n),
        evidence.field) p (place)
$$;

-- Views that leaned on what may be hidden now ---------------------------------------------------------------------

create or replace view graph.facet_contents as
select f.digest, f.deleted,
    case when jsonb_typeof(f.content) = 'object' then f.content || coalesce(o.origin, '{}') else f.content end as content
from graph.facets f left join graph.facet_origins o using (origin_id);

-- Parent and root by their own rows, which are always there: hidden ones have no id.
create or replace view metaops.runs as
select graph.run_name(r.run_id, r.run_uuid) as run_id, j.namespace as job_namespace, j.name as job_name,
    graph.state_name(r.state) as state,
    coalesce(r.started_at, r.first_at) as started_at, r.ended_at,
    case when r.ended_at >= coalesce(r.started_at, r.first_at)
        then round(extract(epoch from r.ended_at - coalesce(r.started_at, r.first_at)) * 1000)::bigint end
        as duration_ms,
    graph.run_name(p.run_id, p.run_uuid) as parent_run_id,
    graph.run_name(o.run_id, o.run_uuid) as root_run_id,
    r.nominal_start, r.nominal_end, r.error_message,
    r.first_at as first_seen,
    pj.namespace as parent_job_namespace, pj.name as parent_job_name
from graph.runs r
left join graph.jobs j on j.job_uuid = r.job_uuid
left join graph.runs p on p.run_uuid = r.parent_uuid
left join graph.runs o on o.run_uuid = coalesce(r.root_uuid, r.parent_uuid)
left join graph.jobs pj on pj.job_uuid = p.job_uuid;

-- Walks ----------------------------------------------------------------------------------------------------------

-- What lies directly behind visible datasets (or a visible job) and is hidden: one row for each visible job that leads
-- there, one without a job for all hidden jobs and names together.
create function graph.hidden_behind(reader name, datasets uuid[], field text, job uuid, upward boolean,
                                    as_of timestamptz, seen_since timestamptz)
returns table (job_namespace text, job_name text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
    mine constant text[] := graph.namespaces_of(reader);
    enter constant smallint := case when upward then 1 else 0 end;
    seen uuid[] := array(select d.dataset_uuid from graph.datasets d
                         where d.dataset_uuid = any (datasets) and d.namespace = any (mine));
    aliases uuid[] := array(
        select distinct a.member from graph.aliases(seen) a
        where not exists (select from graph.datasets d
                          where d.dataset_uuid = a.member and d.namespace = any (mine)));
begin
    if field is not null then
        return query
        select distinct case when j.namespace = any (mine) then j.namespace end,
            case when j.namespace = any (mine) then j.name end
        from (
            select e.*, e.input_uuid as other from graph.column_edges e
            where upward and e.output_uuid = any (seen || aliases)
                and (e.output_field = hidden_behind.field or e.output_field is null)
            union all
            select e.*, e.output_uuid from graph.column_edges e
            where not upward and e.input_uuid = any (seen || aliases) and e.input_field = hidden_behind.field
        ) e
        join graph.datasets o on o.dataset_uuid = e.other
        left join graph.jobs j on j.job_uuid = e.job_uuid
        where (o.namespace <> all (mine) or j.namespace <> all (mine)
               or e.output_uuid = any (aliases) or e.input_uuid = any (aliases))
            and cardinality(seen) > 0
            and graph.column_edge_seen(e.output_uuid, e.job_uuid, e.digest, hidden_behind.as_of,
                                       hidden_behind.seen_since);
        return;
    end if;
    return query
    with entered as (
        select e.job_uuid, e.dataset_uuid = any (aliases) as by_alias
        from graph.edges e
        where e.dataset_uuid = any (seen || aliases) and e.direction = enter
            and graph.edge_seen(e.job_uuid, enter, e.dataset_uuid, hidden_behind.as_of, hidden_behind.seen_since)
        union
        select hidden_behind.job, false where hidden_behind.job is not null
    ), judged as (
        select n.job_uuid, n.by_alias, j.namespace, j.name, j.namespace = any (mine) as is_seen
        from entered n join graph.jobs j using (job_uuid)
    )
    select distinct null::text, null::text from judged u
    where (not u.is_seen or u.by_alias) and u.job_uuid is distinct from hidden_behind.job
    union
    select u.namespace, u.name from judged u
    where u.is_seen and not u.by_alias and exists (
        select from graph.edges l
        join graph.datasets d using (dataset_uuid)
        where l.job_uuid = u.job_uuid and l.direction = 1 - enter and d.namespace <> all (mine)
            and graph.edge_seen(l.job_uuid, l.direction, l.dataset_uuid, hidden_behind.as_of,
                                hidden_behind.seen_since));
end $$;

comment on column metaops.lineage_node.kind is
    'What the node is: dataset; or hidden: the way goes on to what this role may not see.';

create or replace function graph.walk_from(namespace text, name text, field text, kind text, upward boolean,
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
        raise exception 'kind is dataset, job, model, model_version, deployment or inference_stream' using errcode = 'invalid_parameter_value';
    end if;
    if start_job is null and cardinality(start_ids) = 0 then
        return;
    end if;
    return query
    select * from graph.walk(start_ids, field, start_job, start_shown, upward, max_depth, as_of, seen_since);
    if graph.is_restricted() then
        return query
        select n.depth + 1, 'hidden', null::text, null::text, null::text, h.job_namespace, h.job_name, n.path
        from (
            select 0::bigint as position, 0 as depth, start_ids as ids, walk_from.field as field, start_job as job,
                array[start_shown] as path
            union all
            select w.ordinality, w.depth, graph.dataset_ids(w.namespace, w.name), w.field, null, w.path
            from graph.walk(start_ids, walk_from.field, start_job, start_shown, walk_from.upward,
                            walk_from.max_depth, walk_from.as_of, walk_from.seen_since) with ordinality w
        ) n
        cross join lateral graph.hidden_behind(current_user, n.ids, n.field, n.job, walk_from.upward,
                                               walk_from.as_of, walk_from.seen_since) h
        where n.depth < walk_from.max_depth
        order by n.depth, n.position, h.job_namespace collate "C" nulls first, h.job_name collate "C" nulls first;
    end if;
end $$;

-- On and off -----------------------------------------------------------------------------------------------------

-- What row-level security is laid over, as rows: a migration that makes a table or a view of the graph adds its own.
create table graph.row_rules (
    name text primary key,
    is_granted boolean not null,
    condition text not null
);
comment on table graph.row_rules is 'Base tables that restricted readers (metaops.restrict_reader) read in part.';
comment on column graph.row_rules.name is 'The table, in schema graph.';
comment on column graph.row_rules.is_granted is 'They may select all of its columns.';
comment on column graph.row_rules.condition is 'Which of its rows they see.';
insert into graph.row_rules (name, is_granted, condition) values
    ('jobs', true, 'namespace = any ((select graph.namespaces_of(current_user))::text[])'),
    ('datasets', true, 'namespace = any ((select graph.namespaces_of(current_user))::text[])'),
    ('runs', true, 'exists (select from graph.jobs j where j.job_uuid = runs.job_uuid)'),
    ('io_sets', true, 'exists (select from graph.datasets d where d.dataset_uuid = io_sets.dataset_uuid) '
        'and (job_uuid is null or exists (select from graph.jobs j where j.job_uuid = io_sets.job_uuid))'),
    ('statements', true, 'exists (select from graph.jobs j where j.job_uuid = statements.job_uuid) '
        'or job_uuid is null and graph.sees_io(current_user, io_id)'),
    ('run_io_sets', true, 'graph.sees_run(current_user, run_uuid) and graph.sees_io(current_user, io_id)'),
    ('edges', true, 'exists (select from graph.jobs j where j.job_uuid = edges.job_uuid) '
        'and exists (select from graph.datasets d where d.dataset_uuid = edges.dataset_uuid)'),
    ('column_edges', true, 'exists (select from graph.datasets d where d.dataset_uuid = column_edges.output_uuid) '
        'and exists (select from graph.datasets d where d.dataset_uuid = column_edges.input_uuid) '
        'and (job_uuid = ''00000000-0000-0000-0000-000000000000'' '
        'or exists (select from graph.jobs j where j.job_uuid = column_edges.job_uuid))'),
    ('symlinks', true, 'other_namespace = any ((select graph.namespaces_of(current_user))::text[]) '
        'and exists (select from graph.datasets d where d.dataset_uuid = symlinks.dataset_uuid)'),
    ('layouts', true, 'graph.sees_layout(current_user, layout_id, subject_uuid)'),
    ('descriptions', true, 'graph.sees_description(current_user, description_id)'),
    ('facets', true, 'graph.sees_facet(current_user, digest, content)'),
    ('facet_origins', true, 'false'),
    ('events', false, 'graph.sees_statement(current_user, statement_id)'),
    ('restricted_readers', true, 'pg_has_role(current_user, role::oid, ''usage'')');

create table graph.row_views (
    name text primary key
);
comment on table graph.row_views is 'Views that restricted readers may select; they run with the rights of who asks.';
comment on column graph.row_views.name is 'The view with its schema.';
insert into graph.row_views values
    ('graph.statement_datasets'), ('graph.statement_facets'), ('graph.facet_contents'), ('graph.current_facets'),
    ('metaops.namespaces'), ('metaops.datasets'), ('metaops.dataset_symlinks'), ('metaops.dataset_fields'),
    ('metaops.dataset_versions'), ('metaops.jobs'), ('metaops.job_versions'), ('metaops.runs'),
    ('metaops.run_inputs'), ('metaops.run_outputs'), ('metaops.edges'), ('metaops.column_lineage'),
    ('metaops.facets'), ('metaops.events');

-- What the owner asked for, put into the catalogue: also after a migration that replaced a view, and for roles that
-- came meanwhile. Nothing at all while no role is restricted.
create function graph.apply_row_security() returns boolean
language plpgsql
as $$
declare
    is_on boolean;
    rule record;
    reader regrole;
    other text;
begin
    delete from graph.restricted_readers r where not exists (select from pg_roles p where p.oid = r.role::oid);
    is_on := exists (select from graph.restricted_readers);
    if not is_on and not (select relrowsecurity from pg_class where oid = 'graph.datasets'::regclass) then
        return false;
    end if;
    for rule in
        select r.name, r.condition from graph.row_rules r order by r.name
    loop
        execute format('drop policy if exists restricted on graph.%I', rule.name);
        foreach other in array array['metaops_reader', 'metaops_writer'] loop
            execute format('drop policy if exists %I on graph.%I', other, rule.name);
        end loop;
        if not is_on then
            execute format('alter table graph.%I disable row level security', rule.name);
            continue;
        end if;
        execute format('create policy restricted on graph.%I for select using (%s)', rule.name, rule.condition);
        foreach other in array array['metaops_reader', 'metaops_writer'] loop
            continue when rule.name = 'restricted_readers' or not exists (select from pg_roles where rolname = other);
            execute format('create policy %1$I on graph.%2$I to %1$I using (true) with check (true)', other, rule.name);
        end loop;
        execute format('alter table graph.%I enable row level security', rule.name);
    end loop;
    for other in select v.name from graph.row_views v order by v.name loop
        execute format('alter view %s %s', other,
            case when is_on then 'set (security_invoker = true)' else 'reset (security_invoker)' end);
        for reader in select r.role from graph.restricted_readers r loop
            execute format('grant select on %s to %s', other, reader);
        end loop;
    end loop;
    if not is_on then
        drop index if exists graph.statements_job_description, graph.statements_layout,
            graph.statements_descriptions;
        return false;
    end if;
    create index if not exists statements_job_description on graph.statements (job_description);
    create index if not exists statements_layout on graph.statements (layout_id);
    create index if not exists statements_descriptions on graph.statements
        using gin (graph.digests_of(descriptions));
    for reader in select r.role from graph.restricted_readers r loop
        execute format('grant usage on schema metaops, graph to %s', reader);
        for other in select r.name from graph.row_rules r where r.is_granted order by r.name loop
            execute format('grant select on graph.%I to %s', other, reader);
        end loop;
        execute format('grant select (event_id, event_time, received_at, run_uuid, statement_id, kafka_offset, '
            'body_bytes, kafka_partition, redactions, source, topic, event_type, facet_digests, principal, '
            'emitter_id, emitter_epoch, emitter_sequence, idempotency_key) on graph.events to %s', reader);
    end loop;
    return true;
end $$;

create function metaops.restrict_reader(reader regrole, namespaces text[]) returns void
language plpgsql
as $$
begin
    if (select rolsuper or rolbypassrls from pg_roles where oid = reader::oid) then
        raise exception 'role % bypasses row-level security', reader using errcode = 'invalid_parameter_value';
    end if;
    if pg_has_role(reader::oid, (select relowner from pg_class where oid = 'graph.datasets'::regclass), 'usage')
        or exists (select from pg_roles where rolname in ('metaops_reader', 'metaops_writer')
                   and pg_has_role(reader::oid, oid, 'usage')) then
        raise exception 'role % is, or is a member of, one that sees everything', reader
            using errcode = 'invalid_parameter_value';
    end if;
    insert into graph.restricted_readers (role, namespaces)
    values (reader, coalesce(restrict_reader.namespaces, '{}'))
    on conflict (role) do update set namespaces = excluded.namespaces;
    perform graph.apply_row_security();
end $$;
comment on function metaops.restrict_reader is
    'Lets a role read these namespaces and nothing else; called again, other ones. Owner only. Row-level security is on from the first such role on: roles that are to see everything have to be members of metaops_reader.';

create function metaops.release_reader(reader regrole) returns void
language plpgsql
as $$
begin
    delete from graph.restricted_readers where role = reader;
    execute format('revoke all on all tables in schema metaops, graph from %s', reader);
    execute format('revoke all on schema metaops, graph from %s', reader);
    perform graph.apply_row_security();
end $$;
comment on function metaops.release_reader is
    'Takes from a role what metaops.restrict_reader gave it; it reads nothing then. Row-level security is off again after the last one.';

revoke execute on function graph.apply_row_security(), metaops.restrict_reader(regrole, text[]),
    metaops.release_reader(regrole) from public;
