-- States of servers and of models on them: $1 deployments, $2 models, $3 versions, $4 times, $5 states, $6 reasons, $7 whether
-- every model was named (keys in order).
insert into graph.server_observations (deployment_uuid, model_uuid, version, at, state, reason, is_whole)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::bool[])
on conflict do nothing;
