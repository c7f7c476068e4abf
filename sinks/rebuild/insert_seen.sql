-- $1 event ids.
insert into graph_shadow.seen select * from unnest($1::uuid[]) on conflict do nothing;
