-- Deployments that anything names: $1 ids in order, $2 namespaces, $3 names, $4 how they are known: the largest counts.
insert into graph.deployments as d (deployment_uuid, namespace, name, source)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::int2[])
on conflict (deployment_uuid) do update set source = excluded.source
where excluded.source > d.source;
