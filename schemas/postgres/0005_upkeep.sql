-- What the program itself calls: time partitions, grants, the digest of the whole graph.

-- Monthly partitions of graph.events from twelve months back to months_ahead from now. A month whose rows already
-- lie in the default partition stays there: it reads the same. Made one by one under a lock, so that workers
-- that start together do not collide.
create function graph.ensure_partitions(months_ahead integer) returns integer
language plpgsql
as $$
declare
    month date;
    partition text;
    made integer := 0;
begin
    perform pg_advisory_xact_lock(hashtext('graph.ensure_partitions'));
    for i in -12..months_ahead loop
        month := date_trunc('month', now() at time zone 'UTC')::date + make_interval(months => i);
        partition := 'events_' || to_char(month, 'YYYYMM');
        continue when to_regclass('graph.' || partition) is not null;
        begin
            execute format('create table graph.%I partition of graph.events for values from (%L) to (%L)',
                partition, month::text || ' 00:00+00', (month + interval '1 month')::date::text || ' 00:00+00');
            execute format('alter table graph.%I alter column body set compression lz4', partition);
            made := made + 1;
        exception when check_violation then
            null;
        end;
    end loop;
    return made;
end $$;
comment on function graph.ensure_partitions is
    'Makes the missing monthly partitions of graph.events; returns how many.';

-- The reader role sees the views, and what the functions behind them need; never the bytes of dead letters.
create function graph.grant_reader() returns boolean
language plpgsql
as $$
declare
    base text;
begin
    if not exists (select from pg_roles where rolname = 'metaops_reader') then
        return false;
    end if;
    grant usage on schema metaops, graph to metaops_reader;
    grant select on all tables in schema metaops to metaops_reader;
    grant execute on all functions in schema metaops, graph to metaops_reader;
    for base in
        select c.relname from pg_class c
        where c.relnamespace = 'graph'::regnamespace and c.relkind in ('r', 'p', 'v')
            and not c.relispartition and c.relname <> 'dead_letters'
    loop
        execute format('grant select on graph.%I to metaops_reader', base);
    end loop;
    alter default privileges in schema metaops grant select on tables to metaops_reader;
    return true;
end $$;
comment on function graph.grant_reader is
    'Grants the role metaops_reader what analysts need; false when there is no such role.';

revoke execute on function graph.ensure_partitions(integer), graph.grant_reader() from public;

-- One part of the checksum: rows in any order, duplicates counted.
create function graph.rows_digest(query text) returns text
language plpgsql stable
as $$
declare
    digest text;
begin
    execute format('select count(*) || '':'' || coalesce(sum((''x'' || substr(md5(r::text), 1, 15))::bit(60)::bigint), 0) from (%s) r', query)
    into digest;
    return digest;
end $$;

create function metaops.graph_checksum() returns text
language sql stable
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
set extra_float_digits = 1
set jit = off
as $$
    select md5(string_agg(v.name || '=' || graph.rows_digest('select * from metaops.' || v.name), ';'
                          order by v.name collate "C"))
    from unnest(array['namespaces', 'datasets', 'dataset_symlinks', 'dataset_fields', 'dataset_versions',
                      'jobs', 'job_versions', 'runs', 'run_inputs', 'run_outputs', 'edges',
                      'column_lineage', 'facets']) v (name)
$$;
comment on function metaops.graph_checksum is
    'One digest over the whole graph: equal when the same events were accepted, in whatever order and how often.';
