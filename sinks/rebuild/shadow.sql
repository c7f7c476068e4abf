-- The shadow of the graph, empty: a table for each of schema graph that follows from the bodies of events, and what the
-- exchange needs. Unlogged: after a crash of the server a rebuild begins anew.
--
-- The exchange writes what differs, row by row, instead of putting other tables in the place of these. Views and
-- functions are bound to the tables themselves, so that renaming would leave them with the old ones; truncate would
-- shut out readers and show an empty graph to those with an older snapshot. Readers see the old content or the new
-- one and wait for nothing; and what is told of each table is what was wrong with it.
--
-- Comparing takes time, in which workers write on. So it is done before they are held: rows that differ are in doubt,
-- and so is every row that an event touches which is read afterwards. All others are the same in both and stay so:
-- what an event that was read before still writes to such a row is in it already. Only rows in doubt are looked at
-- when nobody writes.
drop schema if exists graph_shadow, graph_doubt cascade;
create schema graph_shadow;
create schema graph_doubt;

-- In the order in which sinks write; columns of the key are never null.
create table graph_shadow.parts (place int primary key, name name not null, key name[] not null);
insert into graph_shadow.parts values
    (1, 'facet_origins', '{origin_id}'),
    (2, 'facets', '{digest}'),
    (3, 'jobs', '{job_uuid}'),
    (4, 'datasets', '{dataset_uuid}'),
    (5, 'symlinks', '{dataset_uuid, other_uuid, type}'),
    (6, 'edges', '{job_uuid, direction, dataset_uuid}'),
    (7, 'column_edges', '{output_uuid, job_uuid, digest, ordinal}'),
    (8, 'io_sets', '{io_id, ordinal}'),
    (9, 'descriptions', '{description_id, ordinal}'),
    (10, 'layouts', '{layout_id, slot}'),
    (11, 'statements', '{statement_id}'),
    (12, 'runs', '{run_uuid}'),
    (13, 'run_io_sets', '{run_uuid, io_id}'),
    (14, 'asset_facts', '{subject_uuid}'),
    (15, 'model_artifacts', '{artifact_uri, run_uuid}'),
    (16, 'run_marks', '{mark, run_uuid}');

-- Of the indexes those by which the sink's statements meet what is there.
do $$
declare
    other name;
    part name;
    index text;
begin
    for other, part in select o, p.name from unnest('{graph_shadow, graph_doubt}'::name[]) o, graph_shadow.parts p loop
        execute format('create unlogged table %I.%I (like graph.%2$I including all excluding indexes)', other, part);
        for index in
            select replace(pg_get_indexdef(i.indexrelid), ' ON graph.', format(' ON %I.', other))
            from pg_index i
            where i.indrelid = format('graph.%I', part)::regclass and i.indisunique
        loop
            execute index;
        end loop;
    end loop;
end $$;

-- Of events that are not stored as today's code would: what it would.
create unlogged table graph_shadow.events (
    event_id uuid primary key,
    event_time timestamptz not null,
    run_uuid uuid,
    statement_id uuid not null,
    event_type text,
    facet_digests bytea
);

-- A body of more than 64 kB is null: it is read by itself.
create view graph_shadow.bodies as
select event_id, event_time, run_uuid, statement_id, event_type, facet_digests, body_base, body_bytes,
    case when octet_length(body) <= 65536 then body end as body
from graph.events;

-- Accepted events whose rows are gone, and with them their bodies: ids in the ledger that neither an event has nor
-- what MetaOps said of itself. (A payload never had a row.)
create function graph_shadow.lost() returns bigint
language sql stable
as $$
    select count(*)
    from graph.event_ids i
    where i.is_payload is null
        and not exists (select from graph.events e where e.event_id = i.event_id)
        and not exists (select from graph.key_changes k where k.event_id = i.event_id)
        and not exists (select from graph.refusals r where r.event_id = i.event_id)
$$;

create view graph_shadow.told_facets as
select f.digest, f.deleted, o.origin, f.content from graph.facets f join graph.facet_origins o using (origin_id);

-- Reads a table of the graph in the shape in which the statement takes it that writes it: an array for each column, a
-- thousand rows at a time.
create function graph_shadow.arrays_of(part text) returns text
language sql stable
as $$
    select format('declare arrays no scroll cursor for select %s '
                  'from (select t.*, row_number() over () / 1000 as chunk from %s t) t group by chunk',
                  string_agg(format('array_agg(%I)::text', c.name), ', ' order by c.place),
                  case part when 'facets' then 'graph_shadow.told_facets' else format('graph.%I', part) end)
    from (
        select a.attname as name, a.attnum as place
        from pg_attribute a
        where a.attrelid = case part when 'facets' then 'graph_shadow.told_facets'::regclass
                               else format('graph.%I', part)::regclass end
            and a.attnum > 0 and not a.attisdropped
    ) c
$$;

-- 'a.k = b.k and ...' for the columns of a key.
create function graph_shadow.same(key name[], a text, b text) returns text
language sql immutable
as $$
    select string_agg(format('%1$s.%3$I = %2$s.%3$I', a, b, k), ' and ') from unnest(key) k
$$;

-- Rows are compared byte by byte (*=): = takes 1 and 1.0 inside of jsonb for the same.
create function graph_shadow.compare() returns void
language plpgsql
as $$
declare
    part name;
    key name[];
begin
    for part, key in select p.name, p.key from graph_shadow.parts p order by p.place loop
        execute format('analyze graph_shadow.%I', part);
        execute format('insert into graph_doubt.%1$I select g.* from graph.%1$I g '
                       'where not exists (select from graph_shadow.%1$I s where %2$s and g *= s) '
                       'on conflict do nothing', part, graph_shadow.same(key, 's', 'g'));
        execute format('insert into graph_doubt.%1$I select s.* from graph_shadow.%1$I s '
                       'where not exists (select from graph.%1$I g where %2$s) '
                       'on conflict do nothing', part, graph_shadow.same(key, 'g', 's'));
    end loop;
end $$;

create function graph_shadow.exchange()
returns table (part name, added bigint, changed bigint, removed bigint)
language plpgsql
as $$
declare
    columns text;
    set_list text;
    key name[];
begin
    for part, key in select p.name, p.key from graph_shadow.parts p order by p.place loop
        select string_agg(format('%I', a.attname), ', ' order by a.attnum),
            string_agg(format('%1$I = s.%1$I', a.attname), ', ') filter (where a.attname <> all (key))
        into columns, set_list
        from pg_attribute a
        where a.attrelid = format('graph.%I', part)::regclass and a.attnum > 0 and not a.attisdropped;

        execute format('delete from graph.%1$I g using graph_doubt.%1$I d '
                       'where %2$s and not exists (select from graph_shadow.%1$I s where %3$s)',
                       part, graph_shadow.same(key, 'g', 'd'), graph_shadow.same(key, 's', 'd'));
        get diagnostics removed = row_count;
        changed := 0;
        if set_list is not null then
            execute format('update graph.%1$I g set %2$s from graph_doubt.%1$I d, graph_shadow.%1$I s '
                           'where %3$s and %4$s and g *<> s',
                           part, set_list, graph_shadow.same(key, 'g', 'd'), graph_shadow.same(key, 's', 'd'));
            get diagnostics changed = row_count;
        end if;
        execute format('insert into graph.%1$I (%2$s) select s.* from graph_doubt.%1$I d, graph_shadow.%1$I s '
                       'where %3$s and not exists (select from graph.%1$I g where %4$s)',
                       part, columns, graph_shadow.same(key, 's', 'd'), graph_shadow.same(key, 'g', 'd'));
        get diagnostics added = row_count;
        if added + changed + removed > 0 then
            return next;
        end if;
    end loop;

    update graph.events e
    set event_time = s.event_time, run_uuid = s.run_uuid, statement_id = s.statement_id,
        event_type = s.event_type, facet_digests = s.facet_digests
    from graph_shadow.events s
    where e.event_id = s.event_id;
    get diagnostics changed = row_count;
    if changed > 0 then
        part := 'events';
        added := 0;
        removed := 0;
        return next;
    end if;
end $$;
