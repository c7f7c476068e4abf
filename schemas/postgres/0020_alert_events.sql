-- The number of an event of an alert, for `metaops alerts tail`.
create or replace view metaops.alert_events as
select alert_id, at, what, actor, note, alert_event_id from graph.alert_events;
comment on column metaops.alert_events.alert_event_id is 'Its number, in order of writing.';
