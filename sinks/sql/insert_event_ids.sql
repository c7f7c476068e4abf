-- The judge of duplicates. $1 event ids in order, $2 times of receipt. The new ones come back.
insert into graph.event_ids (event_id, received_at)
select * from unnest($1::uuid[], $2::timestamptz[])
on conflict do nothing
returning event_id;
