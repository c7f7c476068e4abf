-- Reported gaps that a batch filled: $1 emitter, $2 epoch, $3 sequence, $4 received.
with touched as (
    select s.emitter, s.epoch, s.from_seq, s.to_seq, s.reason, max(g.received) as received
    from unnest($1::text[], $2::int8[], $3::int8[], $4::timestamptz[]) g (emitter, epoch, seq, received)
    join graph.emitter_gaps s on s.emitter = g.emitter and s.epoch = g.epoch and s.filled_at is null
        and g.seq between s.from_seq and s.to_seq
    group by 1, 2, 3, 4, 5
)
update graph.emitter_gaps s set filled_at = t.received
from touched t
where (s.emitter, s.epoch, s.from_seq, s.to_seq, s.reason) = (t.emitter, t.epoch, t.from_seq, t.to_seq, t.reason)
    and graph.numbers_missing(t.emitter, t.epoch, t.from_seq, t.to_seq) = '{}';
