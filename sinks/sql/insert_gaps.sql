-- Gaps that emitters report: $1 emitter, $2 epoch, $3 first and $4 last number, $5 reason, $6 received. What has
-- arrived by then is filled at once.
insert into graph.emitter_gaps (emitter, epoch, from_seq, to_seq, reason, first_seen, filled_at)
select emitter, epoch, from_seq, to_seq, reason, received,
    case when graph.numbers_missing(emitter, epoch, from_seq, to_seq) = '{}' then received end
from unnest($1::text[], $2::int8[], $3::int8[], $4::int8[], $5::text[], $6::timestamptz[])
    g (emitter, epoch, from_seq, to_seq, reason, received)
order by 1, 2, 3, 4, 5
on conflict do nothing;
