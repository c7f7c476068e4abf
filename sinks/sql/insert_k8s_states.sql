-- What objects of Kubernetes were: $1 actions in order, $2 objects, $3 times, $4 deleted?, $5 whole?, $6 generations and
-- $7 replicas (-1: not said), $8 artifact URIs, $9 models, $10 versions, $11 images, $12 annotations, $13 labels, $14 owners,
-- $15 resources said?, $16 marks of their runs, $17 watched?, $18 ready?, $19 revisions (-1: not said), $20 phases, $21 reasons
insert into graph.k8s_states (action_uuid, object_uuid, at, is_deleted, is_whole, generation, replicas, artifact_uri, model,
    model_version, images, annotations, labels, owners, has_resources, run_mark, is_watched, is_ready, revision, phase, reason)
select action, object, at, is_deleted, is_whole, nullif(generation, -1), nullif(replicas, -1), artifact_uri, model, version,
    images::jsonb, annotations::jsonb, labels::jsonb, owners::jsonb, has_resources, run_mark, is_watched, is_ready,
    nullif(revision, -1), phase, reason
from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::bool[], $5::bool[], $6::int8[], $7::int8[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::bool[], $16::uuid[], $17::bool[], $18::bool[],
    $19::int8[], $20::text[], $21::text[])
    r (action, object, at, is_deleted, is_whole, generation, replicas, artifact_uri, model, version, images, annotations,
       labels, owners, has_resources, run_mark, is_watched, is_ready, revision, phase, reason)
on conflict do nothing;
