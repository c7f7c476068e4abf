-- Who may send, and who was refused. These rows come from what MetaOps says of itself: CloudEvents on the
-- topics metaops.keys (io.metaops.key.added, io.metaops.key.revoked) and metaops.events
-- (io.metaops.refusals). Such control events are in the ledger of event ids and move offsets as every
-- event does, so each counts once; but they are no lineage, so they stand in tables of their own, not in
-- metaops.events, and graph_checksum() does not cover them. What is kept of a key's secret (its SHA-256)
-- never comes here.

create table graph.key_changes (
    event_id uuid primary key,
    key_id text not null,
    revoked boolean not null,
    name text,
    namespaces text[] not null,
    expires_at timestamptz,
    rate_per_s bigint,
    burst bigint,
    events_per_day bigint,
    bytes_per_day bigint,
    changed_at timestamptz not null,
    changed_by text not null,
    received_at timestamptz not null,
    topic text not null,
    kafka_partition integer not null,
    kafka_offset bigint not null
);
create index key_changes_key on graph.key_changes (key_id);

create table graph.refusals (
    event_id uuid not null,
    ordinal integer not null,
    key_id text not null,
    status smallint not null,
    reason text not null,
    count bigint not null,
    first_seen timestamptz not null,
    last_seen timestamptz not null,
    gateway text not null,
    primary key (event_id, ordinal)
);
create index refusals_last_seen on graph.refusals (last_seen);

create view metaops.key_changes as
select key_id, changed_at, case when revoked then 'revoked' else 'added' end as change, changed_by, name,
    case when not revoked then namespaces end as namespaces, expires_at, event_id, received_at, topic,
    kafka_partition as partition, kafka_offset
from graph.key_changes;
comment on view metaops.key_changes is 'Every change of API keys: who did what when.';
comment on column metaops.key_changes.key_id is 'The key that was changed.';
comment on column metaops.key_changes.changed_at is 'When, by the clock of the machine it was done on.';
comment on column metaops.key_changes.change is 'added or revoked.';
comment on column metaops.key_changes.changed_by is 'Who did it, as far as the system knew: user@host.';
comment on column metaops.key_changes.name is 'Name given to the key; null for a revocation.';
comment on column metaops.key_changes.namespaces is
    'Patterns of the namespaces it may write to; empty: all; null for a revocation.';
comment on column metaops.key_changes.expires_at is 'When the key ends by itself; null: never.';
comment on column metaops.key_changes.event_id is 'The control event that says so.';
comment on column metaops.key_changes.received_at is 'When that event was made.';
comment on column metaops.key_changes.topic is 'Kafka topic of its record.';
comment on column metaops.key_changes.partition is 'Partition of that record.';
comment on column metaops.key_changes.kafka_offset is 'Offset of that record.';

-- Of several changes of one key the first counts, by time and then by event id: whatever the order of arrival.
create view metaops.api_keys as
select a.key_id as id, a.name, a.namespaces, a.changed_at as created_at, a.changed_by as created_by,
    a.expires_at, r.changed_at as revoked_at, r.changed_by as revoked_by,
    case when r.key_id is not null then 'revoked' when a.expires_at <= now() then 'expired' else 'active' end
        as state,
    a.rate_per_s, a.burst, a.events_per_day, a.bytes_per_day
from (select distinct on (key_id) * from graph.key_changes where not revoked
      order by key_id, changed_at, event_id) a
left join (select distinct on (key_id) * from graph.key_changes where revoked
           order by key_id, changed_at, event_id) r using (key_id);
comment on view metaops.api_keys is
    'API keys of the gateways, without anything of their secrets; the id is the principal of their events.';
comment on column metaops.api_keys.id is 'Public part of the key: metaops.events.principal of what it sent.';
comment on column metaops.api_keys.name is 'Name given to it.';
comment on column metaops.api_keys.namespaces is
    'Patterns (* stands for any text) of the namespaces it may write to; empty: all.';
comment on column metaops.api_keys.created_at is 'When it was made.';
comment on column metaops.api_keys.created_by is 'Who made it, as far as the system knew: user@host.';
comment on column metaops.api_keys.expires_at is 'When it ends by itself; null: never.';
comment on column metaops.api_keys.revoked_at is 'When it was revoked; null: it was not.';
comment on column metaops.api_keys.revoked_by is 'Who revoked it.';
comment on column metaops.api_keys.state is 'active, expired or revoked, now.';
comment on column metaops.api_keys.rate_per_s is
    'Events a second that each gateway takes of it; null: ingest.key_rate_per_s_max.';
comment on column metaops.api_keys.burst is 'Events it may send at once; null: as its rate.';
comment on column metaops.api_keys.events_per_day is
    'Events a day (UTC) that each gateway takes of it; null: ingest.key_events_per_day_max.';
comment on column metaops.api_keys.bytes_per_day is
    'Bytes of events a day that each gateway takes of it; null: ingest.key_bytes_per_day_max.';

create view metaops.refusals as
select f.key_id, k.name as key_name, f.status::int as status, f.reason, sum(f.count)::bigint as count,
    min(f.first_seen) as first_seen, max(f.last_seen) as last_seen,
    array_agg(distinct f.gateway order by f.gateway) as gateways
from graph.refusals f
left join metaops.api_keys k on k.id = f.key_id
group by f.key_id, k.name, f.status, f.reason;
comment on view metaops.refusals is
    'Requests and events that the gateways refused because of who sent them, or how much.';
comment on column metaops.refusals.key_id is
    'Key that was shown; unknown: one that nobody made; anonymous: none was shown.';
comment on column metaops.refusals.key_name is 'Name of that key.';
comment on column metaops.refusals.status is
    'What was answered: 401 (no good key), 403 (outside its namespaces), 429 (too much).';
comment on column metaops.refusals.reason is
    'missing, malformed, unknown, revoked, expired, namespace, rate, events_per_day or bytes_per_day.';
comment on column metaops.refusals.count is
    'How often. A request that was refused before its body was read counts once, whatever it held.';
comment on column metaops.refusals.first_seen is 'First time.';
comment on column metaops.refusals.last_seen is 'Last time that was reported.';
comment on column metaops.refusals.gateways is 'Gateways that refused: host and address.';

comment on column metaops.events.principal is
    'Who sent it: id of the API key (metaops.api_keys), or cert: and the name in a client certificate.';

comment on table graph.key_changes is 'Changes of API keys, one row per control event.';
comment on column graph.key_changes.event_id is 'The control event.';
comment on column graph.key_changes.key_id is 'Public part of the key.';
comment on column graph.key_changes.revoked is 'Revoked, else added.';
comment on column graph.key_changes.name is 'Name given to it; null for a revocation.';
comment on column graph.key_changes.namespaces is 'Patterns of the namespaces it may write to; empty: all.';
comment on column graph.key_changes.expires_at is 'When it ends by itself; null: never.';
comment on column graph.key_changes.rate_per_s is 'Events a second; null: as the gateway is set.';
comment on column graph.key_changes.burst is 'Events at once; null: as its rate.';
comment on column graph.key_changes.events_per_day is 'Events a day; null: as the gateway is set.';
comment on column graph.key_changes.bytes_per_day is 'Bytes a day; null: as the gateway is set.';
comment on column graph.key_changes.changed_at is 'When it was done.';
comment on column graph.key_changes.changed_by is 'By whom: user@host.';
comment on column graph.key_changes.received_at is 'When the control event was made.';
comment on column graph.key_changes.topic is 'Kafka topic.';
comment on column graph.key_changes.kafka_partition is 'Partition.';
comment on column graph.key_changes.kafka_offset is 'Offset.';

comment on table graph.refusals is 'Entries of the gateways'' reports of refusals; no two count the same.';
comment on column graph.refusals.event_id is 'The control event.';
comment on column graph.refusals.ordinal is 'Number of the entry in it.';
comment on column graph.refusals.key_id is 'Key, or unknown, or anonymous.';
comment on column graph.refusals.status is 'Status that was answered.';
comment on column graph.refusals.reason is 'Why, a word.';
comment on column graph.refusals.count is 'How often since the report before.';
comment on column graph.refusals.first_seen is 'First time of these.';
comment on column graph.refusals.last_seen is 'Last time of these.';
comment on column graph.refusals.gateway is 'Gateway that refused.';
