-- What became of alerts since $1, of the last minute: one that is written by a transaction that takes long becomes
-- visible behind later ones. $2 kind, $3 severity, $4 namespace (LIKE pattern); null: any.
select e.alert_event_id, e.at, e.what, a.severity, a.kind, a.title, a.alert_id,
    to_jsonb(e) || jsonb_build_object('alert', to_jsonb(a))
from metaops.alert_events e
join metaops.alerts a using (alert_id)
where e.at >= greatest($1::timestamptz, now() - interval '1 minute')
    and ($2::text is null or a.kind = any (string_to_array($2, ',')))
    and ($3::text is null or a.severity = any (string_to_array($3, ',')))
    and ($4::text is null or a.namespace like $4)
order by e.alert_event_id
