-- What servers say of themselves and of models: $1 deployments, $2 models, $3 versions (keys in order), $4 times, $5 events,
-- $6 platforms, $7 libraries, $8 inputs, $9 outputs.
insert into graph.server_descriptions as d (deployment_uuid, model_uuid, version, at, event_id, platform, libraries, inputs, outputs)
select n.a, n.b, n.c, n.d, n.e, n.f, n.g::jsonb, n.h::jsonb, n.i::jsonb
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[])
    as n (a, b, c, d, e, f, g, h, i)
on conflict (deployment_uuid, model_uuid, version) do update set at = excluded.at, event_id = excluded.event_id,
    platform = excluded.platform, libraries = excluded.libraries, inputs = excluded.inputs, outputs = excluded.outputs
where (excluded.at, excluded.event_id) > (d.at, d.event_id);
