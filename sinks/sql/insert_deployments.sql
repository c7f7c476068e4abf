-- Deployments that payloads name: $1 ids in order, $2 namespaces, $3 names.
insert into graph.deployments (deployment_uuid, namespace, name)
select * from unnest($1::uuid[], $2::text[], $3::text[])
on conflict do nothing;
