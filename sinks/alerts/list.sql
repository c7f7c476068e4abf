-- Alerts, the newest first. Each parameter null: any. $1 status, $2 kind, $3 severity, $4 namespace, $5 name (LIKE patterns),
-- $6 the most.
select alert_id, opened_at, severity, status, kind, title, to_jsonb(a)
from metaops.alerts a
where ($1::text is null or status = any (string_to_array($1, ','))) and ($2::text is null or kind = any (string_to_array($2, ',')))
    and ($3::text is null or severity = any (string_to_array($3, ','))) and ($4::text is null or namespace like $4)
    and ($5::text is null or name like $5)
order by opened_at desc, alert_id
limit $6::bigint
