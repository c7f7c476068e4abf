-- Ids in the ledger without an event need not be looked at again. How many of them are of no control event: their
-- events are gone.
with fresh as materialized (
    select i.event_id from graph.event_ids i
    where not exists (select from graph_shadow.seen s where s.event_id = i.event_id)
), bodiless as (
    insert into graph_shadow.seen
    select f.event_id from fresh f
    where not exists (select from graph.events e where e.event_id = f.event_id)
    returning event_id
)
select count(*) from bodiless b
where not exists (select from graph.key_changes k where k.event_id = b.event_id)
    and not exists (select from graph.refusals r where r.event_id = b.event_id);
