-- Numbers that came after all: $1 emitter, $2 epoch, $3 sequence, $4 received. Late is what was received after a
-- higher number of its epoch, by a tenth of a second at least, and was not there before; what the partitions of a
-- topic brought in another order was received in time and is no gap.
insert into graph.emitter_gaps (emitter, epoch, from_seq, to_seq, reason, first_seen, filled_at)
select emitter, epoch, lower(r), upper(r) - 1, 'late', coalesce(graph.number_received(emitter, epoch, upper(r)), since), filled
from (
    select g.emitter, g.epoch, range_agg(int8range(g.seq, g.seq, '[]')) as numbers, min(e.prior_seen) as since,
        max(g.received) as filled
    from unnest($1::text[], $2::int8[], $3::int8[], $4::timestamptz[]) g (emitter, epoch, seq, received)
    join graph.emitters e on e.emitter = g.emitter and e.epoch = g.epoch
    left join graph.emitter_chunks c on c.emitter = g.emitter and c.epoch = g.epoch and c.chunk = g.seq >> 13
    where g.seq < e.prior_seq and g.received > e.prior_seen + interval '100 milliseconds'
        and c.received @> g.seq is not true
        and not exists (
            select from graph.emitter_gaps s
            where s.emitter = g.emitter and s.epoch = g.epoch and g.seq between s.from_seq and s.to_seq)
    group by g.emitter, g.epoch
) l, unnest(numbers) r
order by 1, 2, 3, 4
on conflict do nothing;
