-- Models that payloads name: $1 ids in order, $2 namespaces, $3 names.
insert into graph.models (model_uuid, namespace, name)
select * from unnest($1::uuid[], $2::text[], $3::text[])
on conflict do nothing;
