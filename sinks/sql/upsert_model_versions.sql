-- Versions of models: $1 models, $2 versions (keys in order), $3 sources, $4 earliest and $5 latest time; then, each with
-- source and time: $6 artifact, $9 digest, $12 run, $15 run in the registry; $18 source and $19 time of release; $20 to $23
-- when anything was said first of artifact, digest, run and run in the registry.
insert into graph.model_versions as v (model_uuid, version, source, first_at, last_at,
    artifact_uri, artifact_uri_source, artifact_uri_at, digest, digest_source, digest_at,
    run_uuid, run_source, run_at, registry_run_id, registry_run_source, registry_run_at, released_source, released_at,
    artifact_uri_first_at, digest_first_at, run_first_at, registry_run_first_at)
select n.a, n.b, n.c, n.d, n.e, n.f, n.g, coalesce(n.h, '-infinity'), n.i, n.j, coalesce(n.k, '-infinity'),
    n.l, n.m, coalesce(n.n, '-infinity'), n.o, n.p, coalesce(n.q, '-infinity'), n.r, n.s, n.t, n.u, n.v, n.w
from unnest($1::uuid[], $2::text[], $3::int2[], $4::timestamptz[], $5::timestamptz[],
    $6::text[], $7::int2[], $8::timestamptz[], $9::text[], $10::int2[], $11::timestamptz[],
    $12::uuid[], $13::int2[], $14::timestamptz[], $15::text[], $16::int2[], $17::timestamptz[], $18::int2[], $19::timestamptz[],
    $20::timestamptz[], $21::timestamptz[], $22::timestamptz[], $23::timestamptz[])
    as n (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w)
on conflict (model_uuid, version) do update set
    source = greatest(v.source, excluded.source),
    first_at = least(v.first_at, excluded.first_at),
    last_at = greatest(v.last_at, excluded.last_at),
    (artifact_uri, artifact_uri_source, artifact_uri_at) = (
        select c.value, c.source, c.at
        from (values (v.artifact_uri, v.artifact_uri_source, v.artifact_uri_at),
                     (excluded.artifact_uri, excluded.artifact_uri_source, excluded.artifact_uri_at)) c (value, source, at)
        order by c.source desc, c.at desc, c.value collate "C" desc limit 1),
    (digest, digest_source, digest_at) = (
        select c.value, c.source, c.at
        from (values (v.digest, v.digest_source, v.digest_at),
                     (excluded.digest, excluded.digest_source, excluded.digest_at)) c (value, source, at)
        order by c.source desc, c.at desc, c.value collate "C" desc limit 1),
    (run_uuid, run_source, run_at) = (
        select c.value, c.source, c.at
        from (values (v.run_uuid, v.run_source, v.run_at),
                     (excluded.run_uuid, excluded.run_source, excluded.run_at)) c (value, source, at)
        order by c.source desc, c.at desc, c.value desc limit 1),
    (registry_run_id, registry_run_source, registry_run_at) = (
        select c.value, c.source, c.at
        from (values (v.registry_run_id, v.registry_run_source, v.registry_run_at),
                     (excluded.registry_run_id, excluded.registry_run_source, excluded.registry_run_at)) c (value, source, at)
        order by c.source desc, c.at desc, c.value collate "C" desc limit 1),
    (released_at, released_source) = (
        select c.at, c.source
        from (values (v.released_at, v.released_source), (excluded.released_at, excluded.released_source)) c (at, source)
        order by c.source desc, c.at limit 1),
    artifact_uri_first_at = least(v.artifact_uri_first_at, excluded.artifact_uri_first_at),
    digest_first_at = least(v.digest_first_at, excluded.digest_first_at),
    run_first_at = least(v.run_first_at, excluded.run_first_at),
    registry_run_first_at = least(v.registry_run_first_at, excluded.registry_run_first_at)
where (excluded.source, excluded.artifact_uri_source, excluded.digest_source, excluded.run_source,
       excluded.registry_run_source, excluded.released_source) <> (1, 0, 0, 0, 0, 0)
    or excluded.first_at < v.first_at or excluded.last_at > v.last_at;
