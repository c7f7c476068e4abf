-- Objects of Kubernetes: $1 ids in order, $2 clusters, $3 groups, $4 kinds, $5 namespaces, $6 names, $7 uids, $8 earliest and
-- $9 latest time.
insert into graph.k8s_objects as o (object_uuid, cluster, api_group, kind, namespace, name, uid, first_at, last_at)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
    $9::timestamptz[])
on conflict (object_uuid) do update set
    kind = greatest(o.kind, excluded.kind),
    first_at = least(o.first_at, excluded.first_at),
    last_at = greatest(o.last_at, excluded.last_at)
where excluded.kind > o.kind or excluded.first_at < o.first_at or excluded.last_at > o.last_at;
