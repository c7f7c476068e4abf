-- Emitters that a batch heard of: $1 emitter, $2 epoch, $3 sequence, $4 received. What the row held before stays
-- for insert_late_gaps. The row's lock makes parallel sinks take turns for all that follows about its numbers.
insert into graph.emitters as e (emitter, epoch, first_seen, last_seen, last_seq)
select emitter, epoch, min(received), max(received), max(seq)
from unnest($1::text[], $2::int8[], $3::int8[], $4::timestamptz[]) g (emitter, epoch, seq, received)
group by emitter, epoch
order by emitter, epoch
on conflict (emitter, epoch) do update set
    first_seen = least(e.first_seen, excluded.first_seen),
    last_seen = greatest(e.last_seen, excluded.last_seen),
    last_seq = greatest(e.last_seq, excluded.last_seq),
    prior_seen = e.last_seen,
    prior_seq = e.last_seq;
