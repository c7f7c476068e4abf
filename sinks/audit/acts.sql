select sequence, kind, (extract(epoch from done_at) * 1000000)::bigint, done_by, detail, encode(hash, 'hex')
from graph.audit_acts order by sequence
