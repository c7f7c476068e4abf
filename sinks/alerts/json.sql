-- One alert as JSON, with its history and what is not delivered: $1 its id.
select to_jsonb(a) || jsonb_build_object(
    'events', (select coalesce(jsonb_agg(to_jsonb(e) - 'alert_id' order by e.alert_event_id), '[]')
               from metaops.alert_events e where e.alert_id = a.alert_id),
    'deliveries', (select coalesce(jsonb_agg(to_jsonb(d) - 'alert_id' order by d.outbox_id, d.receiver), '[]')
                   from metaops.alert_deliveries d where d.alert_id = a.alert_id))
from metaops.alerts a
where a.alert_id = $1::uuid
