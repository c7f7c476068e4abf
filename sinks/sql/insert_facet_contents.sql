-- $1 digests in order, $2 whether the facet is marked as deleted, $3 contents as JSON text.
insert into graph.facet_contents (digest, deleted, content)
select f.digest, f.deleted, f.content::jsonb
from unnest($1::uuid[], $2::bool[], $3::text[]) as f (digest, deleted, content)
on conflict do nothing;
