-- What operators do enters their own chain (graph.audit_act), each in the transaction of what it tells: retention,
-- positions that may begin anew, decisions on alerts, and bodies that are erased by request.

comment on column graph.audit_acts.kind is 'What was done: retry, erase, retention, anchor, accept, alert.';
comment on column metaops.audit_acts.kind is
    'retry: letters sent again; erase: bodies erased; retention: rows that may go by age; anchor: rows of the chain removed by age; accept: positions accepted; alert: what people decided on one.';

-- Retention -------------------------------------------------------------------------------------------------------------

-- Behind a deletion and in its statement: rows of this sort received before cutoff may be gone from now on. Told once
-- for each cutoff. Returns done, as it was given.
create function graph.tell_retention(sort text, cutoff timestamptz, done bigint, is_dry boolean) returns bigint
language plpgsql
as $$
declare
    before_us constant bigint := (extract(epoch from cutoff) * 1000000)::bigint;
begin
    if done > 0 and not is_dry and not exists (
            select from graph.audit_acts a
            where a.kind = 'retention' and a.detail::jsonb ->> 'of' = sort
                and (a.detail::jsonb ->> 'received_before_us')::bigint >= before_us) then
        perform graph.audit_act('retention', jsonb_build_object('of', sort, 'received_before_us', before_us));
    end if;
    return done;
end $$;

-- How far a chain's beginning may go: the last row of a whole batch, all of it and all before it older than cutoff, no
-- change of keys among them (these are kept for ever), at most limit_in rows, never the last row. Null: nowhere.
create function graph.audit_end_of_old(stream integer, cutoff timestamptz, limit_in integer) returns bigint
language plpgsql stable
as $$
declare
    behind graph.audit;
begin
    select a.* into behind from (select * from graph.audit a where a.stream_id = stream order by a.sequence
                               limit limit_in + 1) a
    where a.received_until >= cutoff or a.kind = 4
    order by a.sequence limit 1;
    if not found then
        select a.* into behind from (select * from graph.audit a where a.stream_id = stream order by a.sequence
                                   limit limit_in + 1) a
        order by a.sequence desc limit 1;
    end if;
    -- Rows of one batch have one time.
    return (select max(a.sequence) from graph.audit a
            where a.stream_id = stream and a.sequence < behind.sequence and a.written_at <> behind.written_at);
end $$;

-- Takes rows of chains that are older than cutoff and leaves the hash of the last one of each as an anchor. Returns how many
-- rows; is_dry: changes nothing.
create function graph.expire_audit(cutoff timestamptz, limit_in integer, is_dry boolean) returns bigint
language plpgsql
as $$
declare
    chain graph.audit_streams;
    last_row graph.audit;
    anchor jsonb;
    ends_at bigint;
    until_time timestamptz;
    taken bigint;
    done bigint := 0;
begin
    for chain in select * from graph.audit_streams order by stream_id loop
        select a.* into last_row from graph.audit a
        where a.stream_id = chain.stream_id
            and a.sequence = graph.audit_end_of_old(chain.stream_id, cutoff,
                                                    case when is_dry then 2147483646 else limit_in end);
        continue when not found;
        -- The position behind the last batch, not the largest: offsets may have begun anew.
        select (array_agg(a.next_offset order by a.sequence desc) filter (where a.kind = 1))[1], max(a.received_until),
            count(*) into ends_at, until_time, taken
        from graph.audit a where a.stream_id = chain.stream_id and a.sequence <= last_row.sequence;
        done := done + taken;
        continue when is_dry;
        select a.detail::jsonb into anchor from graph.audit_acts a
        where a.kind = 'anchor' and a.detail::jsonb @> jsonb_build_object(
            'cluster_id', chain.cluster_id, 'topic', chain.topic, 'partition', chain.partition)
        order by a.sequence desc limit 1;
        delete from graph.audit a where a.stream_id = chain.stream_id and a.sequence <= last_row.sequence;
        perform graph.audit_act('anchor', jsonb_build_object(
            'cluster_id', chain.cluster_id, 'topic', chain.topic, 'partition', chain.partition,
            'sequence', last_row.sequence, 'hash', encode(last_row.hash, 'hex'),
            'next_offset', coalesce(ends_at, (anchor ->> 'next_offset')::bigint, chain.begins_at),
            'received_until_us', greatest((extract(epoch from until_time) * 1000000)::bigint,
                                          (anchor ->> 'received_until_us')::bigint)));
    end loop;
    return done;
end $$;

-- Positions -------------------------------------------------------------------------------------------------------------

-- Stopped partitions, all or those of a topic, or one of it, may begin anew. For the writer too, which may not add acts
-- otherwise.
create function graph.accept_offsets(topic text, partition text)
returns table (accepted_topic text, accepted_partition integer)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    places jsonb;
begin
    with stopped as (
        select o.cluster_id, o.topic, o.partition, o.next_offset, o.stopped_reason
        from graph.offsets o
        where o.stopped_reason is not null and (accept_offsets.topic is null or o.topic = accept_offsets.topic)
            and (accept_offsets.partition is null or o.partition::text = accept_offsets.partition)
        for update
    ), accepted as (
        update graph.offsets o set stopped_reason = null, next_offset = -1
        from stopped s
        where o.cluster_id = s.cluster_id and o.topic = s.topic and o.partition = s.partition
        returning s.*
    )
    select jsonb_agg(jsonb_build_object('cluster_id', a.cluster_id, 'topic', a.topic, 'partition', a.partition,
                                        'stood_at', a.next_offset, 'reason', a.stopped_reason)
                     order by a.topic, a.partition, a.cluster_id) into places
    from accepted a;
    if places is not null then
        perform graph.audit_act('accept', jsonb_build_object('partitions', places));
    end if;
    return query select p.place ->> 'topic', (p.place ->> 'partition')::integer
        from jsonb_array_elements(places) p (place);
end $$;

-- Alerts ----------------------------------------------------------------------------------------------------------------

-- As before, and: what was decided, and by whom, is an act. What is expected of numbers is so of those that follow them.
create or replace function graph.decide_alert(alert uuid, decision text, note text) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if decision = 'expected' then
        perform graph.accept_series(alert);
    end if;
    update graph.alerts a set status = decision where a.alert_id = alert and a.status <> decision;
    if found then
        insert into graph.alert_events (alert_id, what, actor, note) values (alert, decision, session_user, note);
        perform graph.audit_act('alert', jsonb_build_object('alert', alert, 'decision', decision, 'note', note));
        perform graph.decide_alert(a.alert_id, decision, note) from graph.alerts a
        where decision = 'expected' and a.cause = alert and a.detail ? 'series_id' and a.status in ('open', 'acknowledged');
    end if;
    return (select a.status from graph.alerts a where a.alert_id = alert);
end $$;

-- Erasure ---------------------------------------------------------------------------------------------------------------

create table graph.erasures (
    event_id uuid primary key,
    act bigint not null
);
comment on table graph.erasures is 'Events whose bodies were erased by request (metaops erase).';
comment on column graph.erasures.event_id is 'The event.';
comment on column graph.erasures.act is 'The act that tells when, by whom and why (graph.audit_acts).';

create view metaops.erasures as
select e.event_id, a.done_at as erased_at, a.done_by as erased_by, a.detail::jsonb ->> 'reason' as reason
from graph.erasures e join graph.audit_acts a on a.sequence = e.act;
comment on view metaops.erasures is 'Events whose bodies were erased by request, with who did it and why.';
comment on column metaops.erasures.event_id is 'The event.';
comment on column metaops.erasures.erased_at is 'When.';
comment on column metaops.erasures.erased_by is 'The role of the database that did it.';
comment on column metaops.erasures.reason is 'Why, as it was given.';

-- For the sink's statements: no body may be stored, or stored against, that was erased. A worker that still has it in
-- memory is told so by this state, and packs without it.
create function graph.refuse_erased(bases uuid[]) returns boolean
language plpgsql stable
as $$
declare
    erased uuid;
begin
    select e.event_id into erased from graph.erasures e where e.event_id = any (bases) limit 1;
    if found then
        raise exception 'the body of event % was erased', erased using errcode = 'MO001';
    end if;
    return true;
end $$;

-- Bodies that are stored against those of these events stand by themselves afterwards. Returns how many.
create function graph.unfold_dependents(events uuid[]) returns bigint
language plpgsql
as $$
declare
    base record;
    stored_anew bigint;
    done bigint := 0;
begin
    for base in
        select b.base_id, b.body, case when b.is_bounded then i.received_at end as received_at
        from graph.body_bases b left join graph.event_ids i on i.event_id = b.base_id
        where b.base_id = any (events)
    loop
        update graph.events e set body = graph.lz4_inflate(e.body, base.body, e.body_bytes), body_base = null
        where e.body_base = base.base_id and e.event_id <> all (events)
            and (base.received_at is null
                or e.received_at between base.received_at - interval '2 days' and base.received_at + interval '2 days');
        get diagnostics stored_anew = row_count;
        done := done + stored_anew;
    end loop;
    return done;
end $$;

-- Erases the bodies of events, and the bytes of their dead letters. Writers wait until it is done. What the graph says stays,
-- and so does the event's row.
create function graph.erase(events uuid[], reason text)
returns table (bodies bigint, letters bigint, unfolded bigint)
language plpgsql
as $$
declare
    gone jsonb;
    told bigint;
begin
    lock table graph.events in share row exclusive mode;
    unfolded := graph.unfold_dependents(events);
    delete from graph.body_bases b where b.base_id = any (events);
    update graph.events e set body = '', body_base = null
    where e.event_id = any (events) and (octet_length(e.body) > 0 or e.body_base is not null);
    get diagnostics bodies = row_count;
    select coalesce(jsonb_agg(jsonb_build_object('id', l.letter_id, 'sha256', encode(sha256(l.value), 'hex'))
                              order by l.letter_id), '[]') into gone
    from (select * from graph.dead_letters l
          where (l.event_id = any (events) or l.letter_id = any (events)) and octet_length(l.value) > 0
          for update) l;
    update graph.dead_letters l set value = ''
    from jsonb_array_elements(gone) g (letter) where l.letter_id = (g.letter ->> 'id')::uuid;
    letters := jsonb_array_length(gone);
    told := graph.audit_act('erase', jsonb_build_object('events', to_jsonb(events), 'letters', gone, 'reason', reason));
    insert into graph.erasures (event_id, act) select distinct e, told from unnest(events) e on conflict do nothing;
    return next;
end $$;

-- As before, and: a body that was erased says so.
create or replace function metaops.event_body(event_id uuid) returns text
language plpgsql stable parallel safe
as $$
begin
    if graph.is_restricted() then
        return graph.restricted_body(current_user, event_body.event_id);
    end if;
    return (select coalesce(graph.body_text(e.body, e.body_base, e.body_bytes),
                (select jsonb_build_object('erased', true, 'at', x.erased_at, 'by', x.erased_by, 'reason', x.reason)::text
                 from metaops.erasures x where x.event_id = e.event_id))
            from graph.events e
            where e.event_id = event_body.event_id
            limit 1);
end $$;
comment on function metaops.event_body is
    'The event''s JSON as it was stored: as received, but for redactions. {"erased": true, ...} when it was erased by request; null when it is kept no longer, or names what the role may not see.';

revoke execute on function graph.tell_retention(text, timestamptz, bigint, boolean),
    graph.audit_end_of_old(integer, timestamptz, integer), graph.expire_audit(timestamptz, integer, boolean),
    graph.accept_offsets(text, text), graph.unfold_dependents(uuid[]), graph.erase(uuid[], text)
from public;
