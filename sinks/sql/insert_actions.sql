-- Actions: $1 ids in order, $2 clusters, $3 audit ids, $4 stages, $5 actors, $6 on whose behalf, $7 verbs, $8 groups,
-- $9 resources, $10 subresources, $11 namespaces, $12 names, $13 uids, $14 reasons, $15 decisions, $16 addresses,
-- $17 user agents, $18 codes (0: none), $19 times of request, $20 times of the stage.
insert into graph.actions (action_uuid, cluster, audit_id, stage, actor, on_behalf_of, verb, api_group, resource, subresource,
    namespace, name, object_uid, reason, decision, source_ip, user_agent, code, requested_at, event_time)
select id, cluster, audit_id, stage, actor, on_behalf_of, verb, api_group, resource, subresource, namespace, name, uid, reason,
    decision, source_ip, user_agent, nullif(code, 0), requested_at, event_time
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::int4[],
    $19::timestamptz[], $20::timestamptz[])
    r (id, cluster, audit_id, stage, actor, on_behalf_of, verb, api_group, resource, subresource, namespace, name, uid, reason,
       decision, source_ip, user_agent, code, requested_at, event_time)
on conflict do nothing;
