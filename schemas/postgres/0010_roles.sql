-- Three roles of the database, none of them a superuser: the owner (who runs `metaops migrate`, owns everything and
-- alone sees the bytes of dead letters), metaops_writer (what a worker needs, nothing more) and metaops_reader
-- (analysts). An administrator creates the two; every migrate grants to those that exist.
--
-- A function that only the owner may call is one that PUBLIC may not execute: roles get no function by name.

-- What each may do are rows; metaops migrate grants them behind the last file, so a row may name what a later file makes,
-- and a later file adds the rows of what it makes. The reader sees the views, and the base tables that the functions walk.

create table graph.role_rights (
    role text not null,
    object text not null,
    rights text not null,
    primary key (role, object)
);
comment on table graph.role_rights is
    'What metaops_writer and metaops_reader may do; an object that is not named they may not touch. A migration adds rows for what it makes, and metaops migrate grants them.';
comment on column graph.role_rights.role is 'Who may.';
comment on column graph.role_rights.object is 'With what, as GRANT ON has it.';
comment on column graph.role_rights.rights is 'May do what, as GRANT has it.';

insert into graph.role_rights
select 'metaops_writer', 'graph.' || name, rights
from (values
    ('alert_deliveries', 'insert, select, update'), ('alert_events', 'select'),
    ('alert_outbox', 'select, update, delete'), ('alerts', 'select'),
    ('audit', 'insert, select (stream_id, sequence, hash)'), ('audit_acts', 'select (sequence, hash)'),
    ('audit_streams', 'insert, select'), ('body_bases', 'insert'), ('column_edges', 'insert'),
    ('datasets', 'insert, select, update (confirmed)'), ('dead_letters', 'insert, select (letter_id)'),
    ('descriptions', 'insert'), ('drift_contents', 'insert, select'), ('drift_facts', 'select'),
    ('drift_forms', 'select'), ('drift_subjects', 'insert, select, update'), ('drift_watch', 'select'),
    ('edges', 'insert'), ('emitter_chunks', 'insert, select, update'),
    ('emitter_gaps', 'insert, select, update'), ('emitters', 'insert, select, update'),
    ('erasures', 'select (event_id)'), ('event_ids', 'insert, select (event_id)'), ('events', 'insert'),
    ('facet_origins', 'insert'), ('facets', 'insert'), ('io_sets', 'insert, select'), ('jobs', 'insert'),
    ('key_changes', 'insert, select (event_id)'), ('layouts', 'insert'),
    ('offsets', 'insert, select, update'), ('refusals', 'insert'), ('run_io_sets', 'insert, select, update'),
    ('runs', 'insert, select, update'), ('statements', 'insert, select, update'), ('symlinks', 'insert'),
    ('type_names', 'select')) w (name, rights)
union all
select 'metaops_reader', 'graph.' || name, 'select'
from unnest(array['audit', 'audit_acts', 'audit_streams', 'body_bases', 'column_edges', 'datasets',
    'descriptions', 'edges', 'erasures', 'events', 'facet_origins', 'facets', 'io_sets', 'jobs', 'layouts',
    'offsets', 'run_io_sets', 'runs', 'statements', 'symlinks']) name
union all
values ('metaops_writer', 'metaops.schema_migrations', 'select'), ('metaops_writer', 'metaops.alerts', 'select'),
    ('metaops_writer', 'function graph.judge_drift(interval, boolean)', 'execute'),
    ('metaops_writer', 'function graph.accept_offsets(text, text)', 'execute');

create function graph.grant_rights(grantee text) returns void
language plpgsql
as $$
declare
    given graph.role_rights;
begin
    execute format('revoke all on all tables in schema graph, metaops from %I', grantee);
    execute format('grant usage on schema metaops, graph to %I', grantee);
    for given in select * from graph.role_rights where role = grantee loop
        execute format('grant %s on %s to %I', given.rights, given.object, grantee);
    end loop;
end $$;
comment on function graph.grant_rights is 'Takes from the role what it may do with tables, and gives it what role_rights says.';

create function graph.grant_writer() returns boolean
language plpgsql
as $$
begin
    if not exists (select from pg_roles where rolname = 'metaops_writer') then
        return false;
    end if;
    perform graph.grant_rights('metaops_writer');
    return true;
end $$;

comment on function graph.grant_writer is
    'Grants the role metaops_writer what a worker needs; false when there is no such role.';

create or replace function graph.grant_reader() returns boolean
language plpgsql
as $$
declare
    base text;
begin
    if not exists (select from pg_roles where rolname = 'metaops_reader') then
        return false;
    end if;
    perform graph.grant_rights('metaops_reader');
    revoke all on all functions in schema graph, metaops from metaops_reader;
    grant select on all tables in schema metaops to metaops_reader;
    for base in
        select relname from pg_class where relnamespace = 'graph'::regnamespace and relkind = 'v'
    loop
        execute format('grant select on graph.%I to metaops_reader', base);
    end loop;
    alter default privileges in schema metaops grant select on tables to metaops_reader;
    return true;
end $$;

revoke execute on function graph.grant_rights(text), graph.grant_writer(), graph.grant_reader() from public;
