-- Numbers received, as ranges within chunks of 8,192: $1 emitter, $2 epoch, $3 sequence, $4 received (not used). A
-- union: the same number twice, in any order, is once.
insert into graph.emitter_chunks as c (emitter, epoch, chunk, received)
select emitter, epoch, seq >> 13, range_agg(int8range(seq, seq, '[]'))
from unnest($1::text[], $2::int8[], $3::int8[], $4::timestamptz[]) g (emitter, epoch, seq, received)
group by emitter, epoch, seq >> 13
order by emitter, epoch, seq >> 13
on conflict (emitter, epoch, chunk) do update set received = c.received + excluded.received
where not c.received @> excluded.received;
