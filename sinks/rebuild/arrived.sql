-- Events in the ledger that were not given yet. Every writer adds to the ledger first, so that its lock holds all.
declare bodies no scroll cursor for
with fresh as materialized (
    select i.event_id from graph.event_ids i
    where not exists (select from graph_shadow.seen s where s.event_id = i.event_id)
)
select b.* from fresh join graph_shadow.bodies b using (event_id);
