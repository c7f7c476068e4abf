-- Rows of one chain: $1 its number.
select sequence, kind, from_offset, next_offset, (extract(epoch from received_from) * 1000000)::bigint,
    (extract(epoch from received_until) * 1000000)::bigint, (extract(epoch from written_at) * 1000000)::bigint,
    encode(digests, 'hex'), encode(hash, 'hex')
from graph.audit where stream_id = $1::int order by sequence
