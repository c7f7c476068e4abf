-- Events whose transactions were not over when the stretch before was begun (metaops.since: the oldest of them then), by
-- way of the ledger, which is narrow. A few of them were read before: an event's rows may be made twice.
declare bodies no scroll cursor for
with fresh as materialized (
    select i.event_id from graph.event_ids i
    where age(i.xmin) <= (select age(current_setting('metaops.since')::xid))
)
select b.* from fresh join graph_shadow.bodies b using (event_id);
