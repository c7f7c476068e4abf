-- Bodies that others are stored against: $1 event id, $2 the body. One that was erased is refused (state MO001).
insert into graph.body_bases (base_id, body)
select * from unnest($1::uuid[], $2::bytea[])
where graph.refuse_erased($1::uuid[])
on conflict do nothing;
