-- A receiver that shows what is open (Alertmanager) has to hear that an alert was accepted or ignored, too. These
-- messages are for such receivers only: the alerter gives them to no other.
create function graph.tell_decision() returns trigger
language plpgsql
as $$
begin
    insert into graph.alert_outbox (alert_id, what, alert)
    select v.alert_id, new.what, to_jsonb(v) from metaops.alerts v where v.alert_id = new.alert_id and v.cause is null;
    notify metaops_alerts;
    return null;
end $$;
create trigger alert_events_decided after insert on graph.alert_events
for each row when (new.what in ('expected', 'ignored')) execute function graph.tell_decision();
comment on column graph.alert_outbox.what is 'opened, reopened, raised, resolved, expected or ignored.';
