-- What `metaops maintain` and `metaops dead-letters` need: retention by the time of receipt, letters sent again.
--
-- Retention never touches the graph: jobs, datasets, runs, edges, columns, statements and facets stay. Of events it
-- takes the rows and bodies; where a statement or a dataset's last write is known by an event, that row stays
-- without its body, so that no view over the graph changes. Ids of events outlive everything else: an event that
-- comes again after its row is gone is still a duplicate.

-- Tiny and nearly free for writers: rows lie in the order of their receipt.
create index events_received on graph.events using brin (received_at) with (autosummarize = on);
create index event_ids_received on graph.event_ids using brin (received_at) with (autosummarize = on);

-- A base of later bodies is used for a day of receipt at most, so it can go with the last event of that day. False:
-- made by a release that did not know such a limit.
alter table graph.body_bases add column is_bounded boolean not null default false;
alter table graph.body_bases alter column is_bounded set default true;
comment on column graph.body_bases.is_bounded is
    'True when only events received within a day of the base are stored against it.';

-- An event whose body is gone has none, instead of an empty one.
create or replace function graph.body_text(body bytea, base uuid, body_bytes integer) returns text
language sql stable parallel safe
as $$
    select case when octet_length(body) > 0 or body_bytes = 0 then convert_from(
        case when base is null then body
            else graph.lz4_inflate(body, (select b.body from graph.body_bases b where b.base_id = base),
                                   body_bytes) end, 'UTF8') end
$$;

-- Rows that views over the graph lean on: the latest event of a statement, its latest COMPLETE, and what
-- else that run said of rows and bytes written.
create function graph.is_kept(event uuid, statement uuid, run uuid) returns boolean
language sql stable
as $$
    select exists (select from graph.statements s
                   where s.statement_id = statement and (s.last_by = event or s.written_by = event))
        or exists (select from graph.statements s
                   join graph.layouts l using (layout_id)
                   where s.statement_id = statement and l.name = 'outputStatistics'
                       and exists (select from graph.events e
                                   join graph.statements w using (statement_id)
                                   where e.run_uuid = run and w.written_by = e.event_id))
$$;

-- Partitions of graph.events, the default one last, with whether all their rows were received before cutoff. An
-- empty one counts as such only when ensure_partitions would not make it again.
create function graph.event_partitions(cutoff timestamptz)
returns table (name text, is_expired boolean)
language plpgsql stable
as $$
declare
    part record;
    has_rows boolean;
    has_young boolean;
begin
    for part in
        select c.relname::text as relname,
            case when c.relname ~ '^events_[0-9]{6}$' then
                (to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month') at time zone 'UTC' end as ends_at
        from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'graph.events'::regclass
        order by ends_at nulls last
    loop
        name := part.relname;
        is_expired := false;
        if part.ends_at <= cutoff then
            execute format('select exists (select from graph.%I), exists (select from graph.%I where received_at >= $1)',
                part.relname, part.relname) into has_rows, has_young using cutoff;
            is_expired := not has_young and (has_rows or part.ends_at < now() - interval '13 months');
        end if;
        return next;
    end loop;
end $$;

-- Drops one partition whose rows are all older; rows that the graph leans on go to the default partition, without
-- their bodies. Holds the table for a moment only: what takes long is done before. False: a worker has put a
-- younger row there meanwhile.
create function graph.drop_events(partition text, cutoff timestamptz) returns boolean
language plpgsql
as $$
declare
    has_young boolean;
begin
    execute format('create temporary table kept_events on commit drop as '
                   'select * from graph.%I e where graph.is_kept(e.event_id, e.statement_id, e.run_uuid)', partition);
    update kept_events set body = '', body_base = null;
    set local lock_timeout = '3s';
    lock table graph.events in access exclusive mode;
    execute format('select exists (select from graph.%I where received_at >= $1)', partition)
    into has_young using cutoff;
    if has_young then
        drop table kept_events;
        return false;
    end if;
    execute format('drop table graph.%I', partition);
    insert into graph.events select * from kept_events;
    drop table kept_events;
    return true;
end $$;

-- Deletes at most limit_in rows received before cutoff from one partition, or empties the bodies of those that
-- stay; returns how many. is_dry: counts all of them, changes nothing.
create function graph.expire_events(partition text, cutoff timestamptz, limit_in integer, is_dry boolean)
returns bigint
language plpgsql
as $$
declare
    done bigint;
    emptied bigint;
begin
    if is_dry then
        execute format('select count(*) from graph.%I e where received_at < $1 and (body <> '''' '
                       'or not graph.is_kept(e.event_id, e.statement_id, e.run_uuid))', partition)
        into done using cutoff;
        return done;
    end if;
    execute format('delete from graph.%1$I where ctid = any (array(select e.ctid from graph.%1$I e '
                   'where e.received_at < $1 and not graph.is_kept(e.event_id, e.statement_id, e.run_uuid) '
                   'limit $2))', partition) using cutoff, limit_in;
    get diagnostics done = row_count;
    execute format('update graph.%1$I set body = '''', body_base = null where ctid = any (array('
                   'select e.ctid from graph.%1$I e where e.received_at < $1 and e.body <> '''' '
                   'and graph.is_kept(e.event_id, e.statement_id, e.run_uuid) limit $2))', partition)
    using cutoff, limit_in;
    get diagnostics emptied = row_count;
    return done + emptied;
end $$;

-- Bases that no event is stored against any more. cutoff: all events received before it are gone.
create function graph.expire_bases(cutoff timestamptz, is_dry boolean) returns bigint
language plpgsql
as $$
declare
    found_ids uuid[];
begin
    select array_agg(b.base_id) into found_ids
    from graph.body_bases b
    left join graph.event_ids i on i.event_id = b.base_id
    where b.is_bounded and i.received_at < cutoff - interval '2 days'
        or (not b.is_bounded or i.event_id is null)
            and not exists (select from graph.events e where e.body_base = b.base_id)
            and coalesce(i.received_at < cutoff - interval '2 days', true);
    if not is_dry then
        delete from graph.body_bases where base_id = any (found_ids);
    end if;
    return coalesce(cardinality(found_ids), 0);
end $$;

-- Ids for which a condition holds, too.
create function graph.expire_ids_where(condition text, cutoff timestamptz, limit_in integer, is_dry boolean) returns bigint
language plpgsql
as $$
declare
    part text;
    deleted bigint;
    done bigint := 0;
begin
    if is_dry then
        execute format('select count(*) from graph.event_ids where received_at < $1 and %s', condition) into done using cutoff;
        return done;
    end if;
    for part in select 'event_ids_' || i from generate_series(0, 7) i loop
        execute format('delete from graph.%1$I where ctid = any (array('
                       'select ctid from graph.%1$I where received_at < $1 and %2$s limit $2))', part, condition)
        using cutoff, limit_in;
        get diagnostics deleted = row_count;
        done := done + deleted;
    end loop;
    return done;
end $$;

create function graph.expire_ids(cutoff timestamptz, limit_in integer, is_dry boolean) returns bigint
language sql
begin atomic
    select graph.expire_ids_where('true', cutoff, limit_in, is_dry);
end;

create function graph.expire_letters(cutoff timestamptz, limit_in integer, is_dry boolean) returns bigint
language plpgsql
as $$
declare
    done bigint;
begin
    if is_dry then
        return (select count(*) from graph.dead_letters where failed_at < cutoff);
    end if;
    delete from graph.dead_letters
    where letter_id = any (array(select letter_id from graph.dead_letters where failed_at < cutoff limit limit_in));
    get diagnostics done = row_count;
    return done;
end $$;

-- Rows of a table, which has no partitions, whose time in that column is before.
create function graph.expire_rows(of_table text, of_time text, cutoff timestamptz, limit_in integer, is_dry boolean) returns bigint
language plpgsql
as $$
declare
    done bigint;
begin
    if is_dry then
        execute format('select count(*) from graph.%I where %I < $1', of_table, of_time) into done using cutoff;
        return done;
    end if;
    execute format('delete from graph.%1$I where ctid = any (array(select ctid from graph.%1$I where %2$I < $1 limit $2))',
                   of_table, of_time)
    using cutoff, limit_in;
    get diagnostics done = row_count;
    return done;
end $$;

create function graph.expire_refusals(cutoff timestamptz, limit_in integer, is_dry boolean) returns bigint
language sql
begin atomic
    select graph.expire_rows('refusals', 'last_seen', cutoff, limit_in, is_dry);
end;

-- As before, but a month that retention has dropped is not tried again: what was kept of it lies in the default
-- partition, and finding that out by making the partition would read all of that one under a lock that stops workers.
create or replace function graph.ensure_partitions(months_ahead integer) returns integer
language plpgsql
as $$
declare
    month date;
    starts_at timestamptz;
    ends_at timestamptz;
    partition text;
    has_rows boolean;
    made integer := 0;
begin
    perform pg_advisory_xact_lock(hashtext('graph.ensure_partitions'));
    for i in -12..months_ahead loop
        month := date_trunc('month', now() at time zone 'UTC')::date + make_interval(months => i);
        starts_at := month::timestamp at time zone 'UTC';
        ends_at := (month + interval '1 month') at time zone 'UTC';
        partition := 'events_' || to_char(month, 'YYYYMM');
        continue when to_regclass('graph.' || partition) is not null;
        select exists (select from graph.events_default e where e.event_time >= starts_at and e.event_time < ends_at)
        into has_rows;
        continue when has_rows;
        begin
            execute format('create table graph.%I partition of graph.events for values from (%L) to (%L)',
                partition, starts_at, ends_at);
            execute format('alter table graph.%I alter column body set compression lz4', partition);
            made := made + 1;
        exception when check_violation then
            null;
        end;
    end loop;
    return made;
end $$;

-- Months from this one on that have no partition yet.
create function graph.missing_partitions(months_ahead integer) returns bigint
language sql stable
as $$
    select count(*)
    from generate_series(0, months_ahead) i
    where to_regclass('graph.events_' || to_char(date_trunc('month', now() at time zone 'UTC')
                                                 + make_interval(months => i), 'YYYYMM')) is null
$$;

revoke execute on function graph.drop_events(text, timestamptz),
    graph.expire_events(text, timestamptz, integer, boolean), graph.expire_bases(timestamptz, boolean),
    graph.expire_ids(timestamptz, integer, boolean), graph.expire_ids_where(text, timestamptz, integer, boolean),
    graph.expire_letters(timestamptz, integer, boolean), graph.expire_rows(text, text, timestamptz, integer, boolean),
    graph.expire_refusals(timestamptz, integer, boolean)
from public;

-- Letters sent again. The row stays as it was; whether the event is in the graph now is what the ledger says.
alter table graph.dead_letters add column retries integer not null default 0;
comment on column graph.dead_letters.retries is 'How often it was sent again.';

create or replace view metaops.dead_letters as
select l.event_id, l.failed_at, l.stage, l.reason, l.json_pointer, l.byte_offset, l.topic, l.partition, l.kafka_offset,
    l.record_at, octet_length(l.value) as value_bytes, l.retried_at, l.letter_id, l.retries,
    exists (select from graph.event_ids i where i.event_id = coalesce(l.event_id, l.letter_id)) as landed
from graph.dead_letters l;
comment on column metaops.dead_letters.retried_at is 'When it was last sent again (metaops dead-letters retry).';
comment on column metaops.dead_letters.retries is 'How often it was sent again.';
comment on column metaops.dead_letters.landed is
    'True when the event is accepted by now: it was sent again, and nothing was wrong with it any more.';
