-- The judge of duplicates. $1 event ids in order, $2 times of receipt, $3 true for payloads, else null. The new ones
-- come back.
insert into graph.event_ids (event_id, received_at, is_payload)
select * from unnest($1::uuid[], $2::timestamptz[], $3::bool[])
on conflict do nothing
returning event_id;
