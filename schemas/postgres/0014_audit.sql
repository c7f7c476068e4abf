-- The audit chain: what came in, in the order in which it was received, and what operators did to it, so that a row that
-- was altered, removed or inserted behind MetaOps' back can be named (metaops audit verify).
--
-- A batch adds rows to the chain of each of its Kafka partitions, in the transaction of its events and under their fence.
-- A row holds digests of what was new, never bodies, so a body can be erased or expire and the chain still verifies; it
-- names the stretch of offsets that it stands for, so that no stretch can be passed over; and its hash covers the hash
-- of the row before. Rows are only ever added; retention takes the oldest and leaves the last hash it took in
-- graph.audit_acts, the operators' own chain.
--
-- Hashes are SHA-256 over the binary forms of the columns in the order given beside each; schemas/audit_chain.h says the
-- same in C. The chain is no part of the graph: graph_checksum() does not cover it, as order of receipt differs between
-- stores that hold the same graph.

create table graph.audit_streams (
    stream_id integer generated always as identity primary key,
    cluster_id text not null,
    topic text not null,
    partition integer not null,
    begins_at bigint not null,
    genesis bytea not null,
    unique (cluster_id, topic, partition)
);
comment on table graph.audit_streams is 'Chains of the audit: one for each Kafka partition.';
comment on column graph.audit_streams.stream_id is 'Number of the chain.';
comment on column graph.audit_streams.cluster_id is 'Kafka cluster.';
comment on column graph.audit_streams.topic is 'Topic.';
comment on column graph.audit_streams.partition is 'Partition.';
comment on column graph.audit_streams.begins_at is 'The first offset that the chain stands for.';
comment on column graph.audit_streams.genesis is
    'What the first row takes as the hash before it: SHA-256 of the other columns but the number.';

create function graph.audit_genesis(cluster_id text, topic text, partition integer, begins_at bigint) returns bytea
language sql immutable parallel safe
return sha256(convert_to('metaops audit 1', 'UTF8')
    || int4send(octet_length(convert_to(cluster_id, 'UTF8'))) || convert_to(cluster_id, 'UTF8')
    || int4send(octet_length(convert_to(topic, 'UTF8'))) || convert_to(topic, 'UTF8')
    || int4send(partition) || int8send(begins_at));

create table graph.audit (
    stream_id integer not null,
    kind smallint not null,
    sequence bigint not null,
    from_offset bigint not null,
    next_offset bigint not null,
    received_from timestamptz not null,
    received_until timestamptz not null,
    written_at timestamptz not null,
    digests bytea not null,
    hash bytea not null,
    primary key (stream_id, sequence)
);
-- Digests do not compress.
alter table graph.audit alter column digests set storage external;
comment on table graph.audit is
    'The audit chain: what each batch added to each partition''s chain. Rows are added only; metaops audit verify checks it.';
comment on column graph.audit.stream_id is 'Chain (graph.audit_streams).';
comment on column graph.audit.kind is
    'What the digests are of: 1 events, 2 refusals, 3 dead letters, 4 changes of keys.';
comment on column graph.audit.sequence is 'Place in the chain, from 1.';
comment on column graph.audit.from_offset is
    'Kind 1: where the batch began, which is where the row of kind 1 before ended; else the first offset of the entries.';
comment on column graph.audit.next_offset is 'Kind 1: where it ended; else one behind the last offset of the entries.';
comment on column graph.audit.received_from is 'Earliest time of the entries: receipt, or when a letter was put aside.';
comment on column graph.audit.received_until is 'Latest such time.';
comment on column graph.audit.written_at is 'Time of the transaction.';
comment on column graph.audit.digests is '16 bytes for each new event (report, letter, change), in the order of offsets.';
comment on column graph.audit.hash is
    'SHA-256 of: the hash before, sequence, kind, from_offset, next_offset, the three times, digests.';

create function graph.audit_hash(before bytea, sequence bigint, kind smallint, from_offset bigint, next_offset bigint,
                                 received_from timestamptz, received_until timestamptz, written_at timestamptz,
                                 digests bytea) returns bytea
language sql immutable parallel safe
return sha256(before || int8send(sequence) || int2send(kind) || int8send(from_offset) || int8send(next_offset)
    || timestamptz_send(received_from) || timestamptz_send(received_until) || timestamptz_send(written_at) || digests);

-- What operators do: letters sent again, bodies erased, what retention takes, positions accepted.
create table graph.audit_acts (
    sequence bigint primary key,
    kind text not null,
    done_at timestamptz not null,
    done_by text not null,
    detail text not null,
    hash bytea not null
);
comment on table graph.audit_acts is 'The operators'' own chain: what was done to the store by command.';
comment on column graph.audit_acts.sequence is 'Place in the chain, from 1.';
comment on column graph.audit_acts.kind is 'What was done: retry, erase, retention, anchor, accept.';
comment on column graph.audit_acts.done_at is 'When.';
comment on column graph.audit_acts.done_by is 'The role of the database that did it.';
comment on column graph.audit_acts.detail is 'To what, and why: a JSON object.';
comment on column graph.audit_acts.hash is
    'SHA-256 of: the hash before (32 zero bytes for the first), sequence, done_at, and the lengths and bytes of kind, done_by, detail.';

create function graph.audit_act_hash(before bytea, sequence bigint, done_at timestamptz, kind text, done_by text,
                                     detail text) returns bytea
language sql immutable parallel safe
return sha256(before || int8send(sequence) || timestamptz_send(done_at)
    || int4send(octet_length(convert_to(kind, 'UTF8'))) || convert_to(kind, 'UTF8')
    || int4send(octet_length(convert_to(done_by, 'UTF8'))) || convert_to(done_by, 'UTF8')
    || int4send(octet_length(convert_to(detail, 'UTF8'))) || convert_to(detail, 'UTF8'));

-- Adds an act; one at a time. Returns its place.
create function graph.audit_act(kind text, detail jsonb) returns bigint
language plpgsql
as $$
declare
    last_sequence bigint;
    last_hash bytea;
    at constant timestamptz := clock_timestamp();
begin
    perform pg_advisory_xact_lock(hashtext('graph.audit_acts'));
    select a.sequence, a.hash into last_sequence, last_hash
    from graph.audit_acts a order by a.sequence desc limit 1;
    last_sequence := coalesce(last_sequence, 0) + 1;
    last_hash := coalesce(last_hash, decode(repeat('00', 32), 'hex'));
    insert into graph.audit_acts (sequence, kind, done_at, done_by, detail, hash)
    values (last_sequence, audit_act.kind, at, session_user, audit_act.detail::text,
            graph.audit_act_hash(last_hash, last_sequence, at, audit_act.kind, session_user, audit_act.detail::text));
    return last_sequence;
end $$;

-- Partitions that this store reads already: their chains begin where they stand.
insert into graph.audit_streams (cluster_id, topic, partition, begins_at, genesis)
select cluster_id, topic, partition, next_offset, graph.audit_genesis(cluster_id, topic, partition, next_offset)
from graph.offsets order by cluster_id, topic, partition;

create view metaops.audit as
select s.cluster_id, s.topic, s.partition, a.sequence,
    case a.kind when 1 then 'events' when 2 then 'refusals' when 3 then 'dead letters' when 4 then 'key changes' end
        as kind,
    octet_length(a.digests) / 16 as entries, a.from_offset, a.next_offset, a.received_from, a.received_until,
    a.written_at, encode(a.hash, 'hex') as hash
from graph.audit a join graph.audit_streams s using (stream_id);
comment on view metaops.audit is
    'The audit chain of each partition, row by row: what came in, in the order of receipt. metaops audit verify checks it.';
comment on column metaops.audit.cluster_id is 'Kafka cluster.';
comment on column metaops.audit.topic is 'Topic.';
comment on column metaops.audit.partition is 'Partition.';
comment on column metaops.audit.sequence is 'Place in the chain of that partition, from 1.';
comment on column metaops.audit.kind is 'What the entries are: events, refusals, dead letters or key changes.';
comment on column metaops.audit.entries is 'How many there are.';
comment on column metaops.audit.from_offset is 'The first offset that the row stands for.';
comment on column metaops.audit.next_offset is 'One behind the last.';
comment on column metaops.audit.received_from is 'Earliest receipt among the entries.';
comment on column metaops.audit.received_until is 'Latest receipt among them.';
comment on column metaops.audit.written_at is 'When the row was written.';
comment on column metaops.audit.hash is 'Its hash, which the row behind it covers.';

create view metaops.audit_acts as
select sequence, kind, done_at, done_by, detail::jsonb as detail, encode(hash, 'hex') as hash from graph.audit_acts;
comment on view metaops.audit_acts is 'What operators did by command, in a chain of its own.';
comment on column metaops.audit_acts.sequence is 'Place in the chain, from 1.';
comment on column metaops.audit_acts.kind is
    'retry: letters sent again; erase: bodies erased; retention: rows that may go by age; anchor: rows of the chain removed by age; accept: positions accepted.';
comment on column metaops.audit_acts.done_at is 'When.';
comment on column metaops.audit_acts.done_by is 'The role of the database that did it.';
comment on column metaops.audit_acts.detail is 'To what, and why.';
comment on column metaops.audit_acts.hash is 'Its hash, which the act behind it covers.';

revoke execute on function graph.audit_act(text, jsonb) from public;
