-- Three roles of the database, none of them a superuser: the owner (who runs `metaops migrate`, owns everything and
-- alone sees the bytes of dead letters), metaops_writer (what a worker needs, nothing more) and metaops_reader
-- (analysts). An administrator creates the two; every migrate grants to those that exist.
--
-- A function that only the owner may call is one that PUBLIC may not execute: roles get no function by name.

create function graph.grant_writer() returns boolean
language plpgsql
as $$
declare
    base record;
begin
    if not exists (select from pg_roles where rolname = 'metaops_writer') then
        return false;
    end if;
    revoke all on all tables in schema graph, metaops from metaops_writer;
    grant usage on schema metaops, graph to metaops_writer;
    grant select on metaops.schema_migrations to metaops_writer;
    -- Rows are added; where they change, by upsert, they are read too. Tables of later files: as the last line
    -- says, unless they are named here. Nothing is ever deleted by a worker, and no partition is touched by name.
    for base in
        select c.relname, coalesce(r.rights, 'insert, select, update') as rights
        from pg_class c
        left join (values
            ('jobs', 'insert'), ('io_sets', 'insert'), ('descriptions', 'insert'), ('layouts', 'insert'),
            ('facet_origins', 'insert'), ('facets', 'insert'), ('symlinks', 'insert'), ('edges', 'insert'),
            ('column_edges', 'insert'), ('events', 'insert'), ('body_bases', 'insert'),
            ('dead_letters', 'insert'), ('event_ids', 'insert, select (event_id)'),
            ('datasets', 'insert, select, update (confirmed)')
        ) r (name, rights) on r.name = c.relname
        where c.relnamespace = 'graph'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
            and c.relname <> 'restricted_readers'
    loop
        execute format('grant %s on graph.%I to metaops_writer', base.rights, base.relname);
    end loop;
    return true;
end $$;
comment on function graph.grant_writer is
    'Grants the role metaops_writer what a worker needs; false when there is no such role.';

-- The reader sees the views, and the base tables that the functions walk: what was never part of the graph (ledger,
-- keys, letters) only by a view that leaves out what is secret.
create or replace function graph.grant_reader() returns boolean
language plpgsql
as $$
declare
    base text;
begin
    if not exists (select from pg_roles where rolname = 'metaops_reader') then
        return false;
    end if;
    revoke all on all tables in schema graph from metaops_reader;
    revoke all on all functions in schema graph, metaops from metaops_reader;
    grant usage on schema metaops, graph to metaops_reader;
    grant select on all tables in schema metaops to metaops_reader;
    for base in
        select c.relname from pg_class c
        where c.relnamespace = 'graph'::regnamespace
            and (c.relkind = 'v' or c.relname in ('jobs', 'datasets', 'runs', 'statements', 'io_sets',
                'descriptions', 'layouts', 'facet_origins', 'facets', 'symlinks', 'edges', 'column_edges',
                'run_io_sets', 'events', 'body_bases', 'offsets'))
    loop
        execute format('grant select on graph.%I to metaops_reader', base);
    end loop;
    alter default privileges in schema metaops grant select on tables to metaops_reader;
    return true;
end $$;

revoke execute on function graph.grant_writer(), graph.grant_reader() from public;
