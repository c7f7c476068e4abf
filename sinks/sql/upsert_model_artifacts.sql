-- Which run made what is stored where: $1 artifacts, $2 runs (keys in order), $3 times: the latest counts.
insert into graph.model_artifacts as a (artifact_uri, run_uuid, at)
select * from unnest($1::text[], $2::uuid[], $3::timestamptz[])
on conflict (artifact_uri, run_uuid) do update set at = excluded.at
where excluded.at > a.at;
