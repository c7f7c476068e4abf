-- Alerts: what changed that somebody should know. A row is opened, seen again and resolved in the transaction of the
-- event that shows it; what is to be told stands in an outbox in the same transaction, so that nothing is told that was
-- rolled back and nothing forgotten that was stored.
--
-- An alert's id is a digest of its kind, its subject and the change, so one change is one alert however often it is
-- delivered; when it returns after it was resolved, its row opens again. What people decided (acknowledged, ignored,
-- expected) is never undone by an event, but that an acknowledged alert resolves.

create table graph.alerts (
    alert_id uuid primary key,
    kind text not null,
    severity text not null check (severity in ('info', 'warning', 'critical')),
    status text not null check (status in ('open', 'acknowledged', 'resolved', 'ignored', 'expected')),
    subject_kind smallint not null,
    subject_uuid uuid not null,
    field text,
    title text not null,
    detail jsonb not null,
    downstream jsonb not null,
    opened_at timestamptz not null,
    last_seen_at timestamptz not null,
    event_time timestamptz not null,
    run_uuid uuid,
    occurrences integer not null,
    cause uuid,
    aspect smallint
);
create index alerts_subject on graph.alerts (subject_uuid);
create index alerts_status on graph.alerts (status, opened_at);
comment on table graph.alerts is 'Alerts, each change once (view metaops.alerts).';
comment on column graph.alerts.alert_id is 'Digest of kind, subject and change.';
comment on column graph.alerts.kind is 'Kind of drift: schema, volume, freshness, ...';
comment on column graph.alerts.severity is 'info, warning or critical.';
comment on column graph.alerts.status is 'open, acknowledged, resolved, ignored or expected.';
comment on column graph.alerts.subject_kind is 'What it is about: 2 a job, 3 a dataset, 4 a model, 5 a deployment, 6 a monitor.';
comment on column graph.alerts.subject_uuid is 'Which one.';
comment on column graph.alerts.field is 'The column, when it is about one.';
comment on column graph.alerts.title is 'One line for people.';
comment on column graph.alerts.detail is 'What changed and what one needs to act.';
comment on column graph.alerts.downstream is 'Who is hit: the nearest datasets and jobs behind the subject.';
comment on column graph.alerts.opened_at is 'When it was opened, or opened again.';
comment on column graph.alerts.last_seen_at is 'When an event showed it last.';
comment on column graph.alerts.event_time is 'Time of the event that showed it first.';
comment on column graph.alerts.run_uuid is 'The run that showed it first.';
comment on column graph.alerts.occurrences is 'How often it was opened.';
comment on column graph.alerts.cause is 'The alert that explains this one, which is then not told by itself.';
comment on column graph.alerts.aspect is 'In which respect it drifted (graph.drift_contents); null: judged by something else.';

create table graph.alert_events (
    alert_event_id bigint generated always as identity primary key,
    alert_id uuid not null,
    at timestamptz not null default clock_timestamp(),
    what text not null,
    actor text,
    note text
);
create index alert_events_alert on graph.alert_events (alert_id);
comment on table graph.alert_events is 'What became of each alert, in order.';
comment on column graph.alert_events.alert_event_id is 'In order.';
comment on column graph.alert_events.alert_id is 'The alert.';
comment on column graph.alert_events.at is 'When.';
comment on column graph.alert_events.what is
    'opened, reopened, raised (its severity), resolved, acknowledged, ignored, expected.';
comment on column graph.alert_events.actor is 'Who decided; null: an event did.';
comment on column graph.alert_events.note is 'Why.';

create table graph.alert_outbox (
    outbox_id bigint generated always as identity primary key,
    alert_id uuid not null,
    what text not null,
    at timestamptz not null default clock_timestamp(),
    alert jsonb not null,
    written_in xid8 not null default pg_current_xact_id()
);
comment on table graph.alert_outbox is
    'What is to be told, in order of writing; the alerter takes a row away once every receiver has it.';
comment on column graph.alert_outbox.outbox_id is 'Number; a message''s key for receivers that see it twice.';
comment on column graph.alert_outbox.alert_id is 'The alert.';
comment on column graph.alert_outbox.what is 'opened, reopened, raised or resolved.';
comment on column graph.alert_outbox.at is 'When it was written.';
comment on column graph.alert_outbox.alert is
    'The alert''s row of metaops.alerts as it was then; detail and downstream, most of it, are added for receivers only, when it is routed.';
comment on column graph.alert_outbox.written_in is 'The transaction that wrote it.';

create view metaops.alerts as
select a.alert_id, a.kind, a.severity, a.status,
    coalesce(d.namespace, j.namespace) as namespace, coalesce(d.name, j.name) as name, a.field, a.title, a.detail,
    a.opened_at, a.last_seen_at, a.event_time, graph.run_name(r.run_id, a.run_uuid) as run_id, a.occurrences,
    a.downstream,
    case a.subject_kind when 2 then 'job' when 3 then 'dataset' end as subject_kind, a.cause
from graph.alerts a
left join graph.datasets d on a.subject_kind = 3 and d.dataset_uuid = a.subject_uuid
left join graph.jobs j on a.subject_kind = 2 and j.job_uuid = a.subject_uuid
left join graph.runs r on r.run_uuid = a.run_uuid;
comment on view metaops.alerts is 'Drift that somebody should know, each change once.';
comment on column metaops.alerts.alert_id is 'The alert; the same change has the same id in every store.';
comment on column metaops.alerts.kind is
    'schema, volume, freshness, quality, topology, stewardship, code, environment, behaviour, model, contract or consistency.';
comment on column metaops.alerts.severity is 'info, warning or critical.';
comment on column metaops.alerts.status is
    'open, acknowledged (somebody works on it), resolved (it is no longer so), ignored, or expected (accepted as the new baseline).';
comment on column metaops.alerts.namespace is 'Namespace of what it is about.';
comment on column metaops.alerts.name is 'Its name.';
comment on column metaops.alerts.field is 'The column, when it is about one.';
comment on column metaops.alerts.title is 'One line for people.';
comment on column metaops.alerts.detail is
    'What changed (changes), the first bad run, the last good run, the commit, owners, and the SQL to see more.';
comment on column metaops.alerts.opened_at is 'When it was opened, or opened again.';
comment on column metaops.alerts.last_seen_at is 'When an event showed it last.';
comment on column metaops.alerts.event_time is 'Time of the event that showed it first.';
comment on column metaops.alerts.run_id is 'The run that showed it first.';
comment on column metaops.alerts.occurrences is 'How often it was opened.';
comment on column metaops.alerts.downstream is
    'Who is hit: the nearest datasets, jobs, models and deployments behind it, each with kind, namespace, name, field, owners and depth.';
comment on column metaops.alerts.subject_kind is 'dataset, job, model, deployment or monitor.';
comment on column metaops.alerts.cause is 'The alert that explains this one, which is then not told by itself.';

create view metaops.alert_events as
select alert_id, at, what, actor, note from graph.alert_events;
comment on view metaops.alert_events is 'What became of each alert, in order.';
comment on column metaops.alert_events.alert_id is 'The alert.';
comment on column metaops.alert_events.at is 'When.';
comment on column metaops.alert_events.what is
    'opened, reopened, raised (its severity), resolved, acknowledged, ignored or expected.';
comment on column metaops.alert_events.actor is 'Who decided; null: an event did.';
comment on column metaops.alert_events.note is 'Why.';

-- Errors that may go better another time, by SQLSTATE: they end the transaction. Any other is noted, and stops no event.
create function graph.may_go_better(state text) returns boolean
language plpgsql immutable parallel safe
as $$
begin
    return state ~ '^(08|40|53|57|58)';
end $$;

-- How old an event may be to be told, when it becomes known, is a setting (alerts.event_age_max_ms): sessions of the
-- program have it as metaops.event_age_max_ms. Who calls without it means a day.
create function graph.is_news(event_time timestamptz, known_at timestamptz default now()) returns boolean
language plpgsql stable
as $$
begin
    return event_time > known_at - coalesce(nullif(current_setting('metaops.event_age_max_ms', true), '')::bigint, 86400000)
        * interval '1 millisecond';
end $$;

-- One more thing to tell of each, in their order, unless the change was history when the alert was opened.
create function graph.tell_alerts(alerts uuid[], what text) returns void
language plpgsql
as $$
begin
    insert into graph.alert_events (alert_id, what)
    select t.alert, tell_alerts.what from unnest(alerts) with ordinality t (alert, n) order by t.n;
    insert into graph.alert_outbox (alert_id, what, alert)
    select v.alert_id, tell_alerts.what, to_jsonb(v)
    from (select alert_id, kind, severity, status, namespace, name, field, title, opened_at, last_seen_at, event_time, run_id,
              occurrences, subject_kind, cause, symptoms
          from metaops.alerts) v
    where v.alert_id = any (alerts) and v.cause is null and graph.is_news(v.event_time, v.opened_at)
    order by array_position(alerts, v.alert_id);
    if found then
        notify metaops_alerts;
    end if;
end $$;

create function graph.tell_alert(alert uuid, what text) returns void
language plpgsql
as $$
begin
    perform graph.tell_alerts(array[alert], what);
end $$;

-- Opens an alert, or opens it again, or notes that it was seen again. is_past: the change is over already (a late event
-- told of it), so the row is history and nobody is told.
create function graph.put_alert(alert uuid, kind text, severity text, subject_kind smallint, subject uuid, field text,
                                  title text, detail jsonb, downstream jsonb, event_time timestamptz, run uuid,
                                  is_past boolean, cause uuid, aspect smallint default null) returns void
language plpgsql
as $$
declare
    before graph.alerts;
begin
    select * into before from graph.alerts a where a.alert_id = alert for update;
    if not found then
        insert into graph.alerts
        values (alert, kind, severity, case when is_past then 'resolved' else 'open' end, subject_kind, subject, field,
                title, detail, downstream, now(), now(), event_time, run, 1, cause, aspect)
        on conflict do nothing;
        if found and not is_past then
            perform graph.tell_alert(alert, 'opened');
        end if;
        return;
    end if;
    update graph.alerts a set
        severity = put_alert.severity, field = put_alert.field, title = put_alert.title, detail = put_alert.detail,
        downstream = put_alert.downstream, event_time = put_alert.event_time, run_uuid = put_alert.run,
        last_seen_at = case when is_past then a.last_seen_at else now() end,
        status = case when before.status = 'resolved' and not is_past then 'open'
            when before.status in ('open', 'acknowledged') and is_past then 'resolved' else before.status end,
        opened_at = case when before.status = 'resolved' and not is_past then now() else a.opened_at end,
        occurrences = a.occurrences + (before.status = 'resolved' and not is_past)::int
    where a.alert_id = alert;
    if before.status = 'resolved' and not is_past then
        perform graph.tell_alert(alert, 'reopened');
    elsif before.status in ('open', 'acknowledged') and is_past then
        perform graph.tell_alert(alert, 'resolved');
    elsif before.status = 'open' and array_position(array['info', 'warning', 'critical'], put_alert.severity)
            > array_position(array['info', 'warning', 'critical'], before.severity) then
        perform graph.tell_alert(alert, 'raised');
    end if;
end $$;

-- What people decide. Null: there is no such alert.
create function graph.decide_alert(alert uuid, decision text, note text) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    update graph.alerts a set status = decision where a.alert_id = alert and a.status <> decision;
    if found then
        insert into graph.alert_events (alert_id, what, actor, note) values (alert, decision, session_user, note);
    end if;
    return (select a.status from graph.alerts a where a.alert_id = alert);
end $$;

create function metaops.acknowledge_alert(alert_id uuid, note text default null) returns text
language sql
return graph.decide_alert(alert_id, 'acknowledged', note);
comment on function metaops.acknowledge_alert is
    'Somebody works on it: it is told again only when it gets worse. Returns the status; null: no such alert.';

create function metaops.accept_alert(alert_id uuid, note text default null) returns text
language sql
return graph.decide_alert(alert_id, 'expected', note);
comment on function metaops.accept_alert is
    'The change was meant: what is now is the new baseline. Returns the status; null: no such alert.';

create function metaops.ignore_alert(alert_id uuid, note text default null) returns text
language sql
return graph.decide_alert(alert_id, 'ignored', note);
comment on function metaops.ignore_alert is
    'Never told again, and nothing learned from it. Returns the status; null: no such alert.';

revoke execute on function graph.decide_alert(uuid, text, text), metaops.acknowledge_alert(uuid, text),
    metaops.accept_alert(uuid, text), metaops.ignore_alert(uuid, text) from public;
