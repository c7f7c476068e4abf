-- What events should be stored with: $1 id, $2 event time, $3 run, $4 statement, $5 type, $6 digests (16 bytes each).
insert into graph_shadow.events (event_id, event_time, run_uuid, statement_id, event_type, facet_digests)
select * from unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::text[], $6::bytea[])
on conflict do nothing;
