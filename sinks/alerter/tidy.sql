-- Messages that every receiver has, though the two alerters that finished them last did not see each other's work.
delete from graph.alert_outbox o
where o.is_routed
    and not exists (select from graph.alert_deliveries d where d.outbox_id = o.outbox_id and d.done_at is null)
