-- Rows received before these times may be gone, as maintain has told: events, event ids, dead letters, refusals. Last: when
-- the store began to keep chains.
select coalesce(max(before_us) filter (where of = 'events'), -9223372036854775808),
    coalesce(max(before_us) filter (where of = 'event ids'), -9223372036854775808),
    coalesce(max(before_us) filter (where of = 'dead letters'), -9223372036854775808),
    coalesce(max(before_us) filter (where of = 'refusals'), -9223372036854775808),
    (select (extract(epoch from applied_at) * 1000000)::bigint from metaops.schema_migrations
     where name = '0014_audit.sql')
from (select detail::jsonb ->> 'of' as of, (detail::jsonb ->> 'received_before_us')::bigint as before_us
      from graph.audit_acts where kind = 'retention') a
