-- Bodies that others are stored against: $1 event id, $2 the body.
insert into graph.body_bases (base_id, body)
select * from unnest($1::uuid[], $2::bytea[])
on conflict do nothing;
