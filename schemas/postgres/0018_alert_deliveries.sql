-- Who has been told of what. The alerter gives each row of the outbox one delivery for each receiver, in one
-- transaction; a delivery is claimed by moving next_at ahead, so that when its alerter dies another takes it. Once all
-- of them are done the outbox row goes, and they with it; one that was given up stays, to be seen.

alter table graph.alert_outbox add column is_routed boolean not null default false;
create index alert_outbox_new on graph.alert_outbox (outbox_id) where not is_routed;
comment on column graph.alert_outbox.is_routed is 'Its deliveries are rows of graph.alert_deliveries.';

create table graph.alert_deliveries (
    outbox_id bigint not null references graph.alert_outbox on delete cascade,
    receiver text not null,
    alert_id uuid not null,
    attempts integer not null default 0,
    next_at timestamptz not null default clock_timestamp(),
    last_error text,
    done_at timestamptz,
    given_up_at timestamptz,
    primary key (outbox_id, receiver)
);
create index alert_deliveries_due on graph.alert_deliveries (receiver, next_at)
    where done_at is null and given_up_at is null;
create index alert_deliveries_alert on graph.alert_deliveries (alert_id, receiver, outbox_id)
    where done_at is null and given_up_at is null;
comment on table graph.alert_deliveries is 'What is on its way to which receiver (view metaops.alert_deliveries).';
comment on column graph.alert_deliveries.outbox_id is 'What is told.';
comment on column graph.alert_deliveries.receiver is 'Name of the receiver in the routes, or webhook_url.';
comment on column graph.alert_deliveries.alert_id is 'The alert: what is told of one is told in order.';
comment on column graph.alert_deliveries.attempts is 'How often it was tried.';
comment on column graph.alert_deliveries.next_at is 'Not before; while it is tried, when its alerter counts as dead.';
comment on column graph.alert_deliveries.last_error is 'Why the last try failed.';
comment on column graph.alert_deliveries.done_at is 'When the receiver had it.';
comment on column graph.alert_deliveries.given_up_at is 'When it was given up.';

create view metaops.alert_deliveries as
select d.alert_id, o.what, o.at, d.receiver, d.attempts,
    case when d.given_up_at is not null then 'given up' when d.done_at is not null then 'done'
        when d.attempts = 0 then 'waiting' else 'trying' end as state,
    case when d.given_up_at is null and d.done_at is null then d.next_at end as next_at, d.last_error, d.given_up_at,
    d.outbox_id
from graph.alert_deliveries d
join graph.alert_outbox o using (outbox_id);
comment on view metaops.alert_deliveries is 'Messages about alerts that not every receiver has yet, or never will.';
comment on column metaops.alert_deliveries.alert_id is 'The alert.';
comment on column metaops.alert_deliveries.what is 'opened, reopened, raised or resolved.';
comment on column metaops.alert_deliveries.at is 'When there was something to tell.';
comment on column metaops.alert_deliveries.receiver is 'Name of the receiver in the routes, or webhook_url.';
comment on column metaops.alert_deliveries.attempts is 'How often it was tried.';
comment on column metaops.alert_deliveries.state is
    'waiting, trying (failed at least once, or on its way), done (others are not) or given up.';
comment on column metaops.alert_deliveries.next_at is 'When it is tried again.';
comment on column metaops.alert_deliveries.last_error is 'Why the last try failed.';
comment on column metaops.alert_deliveries.given_up_at is 'When it was given up: after alerts.attempts_max tries.';
comment on column metaops.alert_deliveries.outbox_id is 'Number of the message.';
