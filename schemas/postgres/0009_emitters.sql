-- Emitters number their events (emitter, epoch, sequence; sequences begin at 1 in each epoch), so that what is
-- missing can be seen. Which numbers were received is a set: any order of arrival and any duplication give the
-- same. The set stands here and not in the events, so that their retention makes no gaps, and a number counts
-- whose event was stored before (the same bytes sent twice) or became a dead letter: its record did arrive.
--
-- The set is kept in chunks of 8,192 numbers, so that a batch changes as many small rows as it has chunks, also
-- when a worker reads one partition after the other and the set is full of holes for a while.

create table graph.emitters (
    emitter text not null,
    epoch bigint not null,
    first_seen timestamptz not null,
    last_seen timestamptz not null,
    last_seq bigint not null,
    prior_seen timestamptz,
    prior_seq bigint,
    primary key (emitter, epoch)
) with (fillfactor = 50);
comment on table graph.emitters is 'Emitters and their epochs.';
comment on column graph.emitters.emitter is 'Name the emitter gives itself.';
comment on column graph.emitters.epoch is 'Its start, growing from one to the next.';
comment on column graph.emitters.first_seen is 'When the first of its records was received.';
comment on column graph.emitters.last_seen is 'When the last of its records was received.';
comment on column graph.emitters.last_seq is 'Highest number received.';
comment on column graph.emitters.prior_seen is 'last_seen before the latest batch.';
comment on column graph.emitters.prior_seq is 'last_seq before the latest batch.';

create table graph.emitter_chunks (
    emitter text not null,
    epoch bigint not null,
    chunk bigint not null,
    received int8multirange not null,
    primary key (emitter, epoch, chunk)
) with (fillfactor = 70);
comment on table graph.emitter_chunks is 'Numbers received of each emitter and epoch.';
comment on column graph.emitter_chunks.emitter is 'Name the emitter gives itself.';
comment on column graph.emitter_chunks.epoch is 'Its start.';
comment on column graph.emitter_chunks.chunk is 'Number divided by 8,192.';
comment on column graph.emitter_chunks.received is 'Numbers of the chunk that were received.';

create table graph.emitter_gaps (
    emitter text not null,
    epoch bigint not null,
    from_seq bigint not null,
    to_seq bigint not null,
    reason text not null,
    first_seen timestamptz not null,
    filled_at timestamptz,
    primary key (emitter, epoch, from_seq, to_seq, reason)
);
comment on table graph.emitter_gaps is
    'Gaps that emitters reported, and gaps that were filled late. Open ones that nobody reported follow from the chunks.';
comment on column graph.emitter_gaps.emitter is 'Name the emitter gives itself.';
comment on column graph.emitter_gaps.epoch is 'Its start.';
comment on column graph.emitter_gaps.from_seq is 'First number that was missing.';
comment on column graph.emitter_gaps.to_seq is 'Last number that was missing.';
comment on column graph.emitter_gaps.reason is 'What the emitter says, or late.';
comment on column graph.emitter_gaps.first_seen is 'When it was reported or showed.';
comment on column graph.emitter_gaps.filled_at is 'When the last of its events was received; null: it is open.';

-- Finds the event that showed a gap: the one behind it.
create index events_emitter on graph.events (emitter_id, emitter_epoch, emitter_sequence)
    where emitter_id is not null;

-- For the writer, who may not read events.
create function graph.number_received(emitter text, epoch bigint, seq bigint) returns timestamptz
language sql stable security definer
set search_path = pg_catalog
as $$
    select min(e.received_at) from graph.events e
    where e.emitter_id = $1 and e.emitter_epoch = $2 and e.emitter_sequence = $3
$$;
comment on function graph.number_received is 'When the event of that number was received; null: it is not kept.';

create function graph.numbers_missing(emitter text, epoch bigint, from_seq bigint, to_seq bigint)
returns int8multirange
language sql stable
as $$
    select int8multirange(int8range(from_seq, to_seq, '[]')) - coalesce((
        select range_agg(c.received) from graph.emitter_chunks c
        where c.emitter = $1 and c.epoch = $2 and c.chunk between $3 >> 13 and $4 >> 13), '{}')
$$;
comment on function graph.numbers_missing is 'Numbers of from_seq to to_seq that were not received.';

create view metaops.gaps as
select emitter, epoch, from_seq, to_seq, reason, first_seen, filled_at
from graph.emitter_gaps
union all
select e.emitter, e.epoch, lower(r), upper(r) - 1, 'not received',
    coalesce(graph.number_received(e.emitter, e.epoch, upper(r)), e.last_seen), null
from graph.emitters e
cross join lateral unnest(graph.numbers_missing(e.emitter, e.epoch, 1, e.last_seq) - coalesce((
    select range_agg(int8range(g.from_seq, g.to_seq, '[]')) from graph.emitter_gaps g
    where g.emitter = e.emitter and g.epoch = e.epoch and g.filled_at is null), '{}')) r;
comment on view metaops.gaps is
    'Events of emitters that did not arrive: as the emitter reports, or as its numbers show; and gaps that were filled.';
comment on column metaops.gaps.emitter is 'Name the emitter gives itself.';
comment on column metaops.gaps.epoch is 'Its start, growing from one to the next.';
comment on column metaops.gaps.from_seq is 'First number that is missing (numbers begin at 1 in each epoch).';
comment on column metaops.gaps.to_seq is 'Last number that is missing.';
comment on column metaops.gaps.reason is
    'What the emitter says; not received: nobody reported it; late: it came after higher numbers.';
comment on column metaops.gaps.first_seen is
    'When it was reported, or when the event behind it was received (last_seen of the emitter if that event is not kept).';
comment on column metaops.gaps.filled_at is 'When the last of its events was received; null: it is open.';

create view metaops.emitters as
select e.emitter, e.epoch, e.first_seen, e.last_seen, e.last_seq, n.received, e.last_seq - n.received as missing
from graph.emitters e
cross join lateral (
    select coalesce(sum(upper(r) - lower(r)), 0)::bigint as received
    from graph.emitter_chunks c, unnest(c.received) r
    where c.emitter = e.emitter and c.epoch = e.epoch) n;
comment on view metaops.emitters is 'Emitters that number their events, an epoch a row.';
comment on column metaops.emitters.emitter is 'Name the emitter gives itself.';
comment on column metaops.emitters.epoch is 'Its start, growing from one to the next.';
comment on column metaops.emitters.first_seen is 'When the first of its events was received.';
comment on column metaops.emitters.last_seen is 'When the last of its events was received.';
comment on column metaops.emitters.last_seq is 'Highest number received.';
comment on column metaops.emitters.received is 'Numbers received, each once.';
comment on column metaops.emitters.missing is 'Numbers below last_seq that were not.';
