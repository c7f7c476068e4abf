-- Facets not yet stored: $1 digests in order, $2 whether marked as deleted, $3 who made them and by which schema, $4 the rest,
-- both as JSON text. The former repeats far more often than the rest: kept apart.
with incoming as materialized (
    select f.digest, f.deleted, f.origin, f.content
    from unnest($1::uuid[], $2::bool[], $3::text[], $4::text[]) as f (digest, deleted, origin, content)
), named as materialized (
    select i.origin as said, i.origin::jsonb as origin, md5(i.origin::jsonb::text)::uuid as origin_id
    from (select distinct d.origin from incoming d) i
), origins as (
    insert into graph.facet_origins (origin_id, origin)
    select distinct n.origin_id, n.origin from named n order by 1
    on conflict do nothing
)
insert into graph.facets (digest, origin_id, deleted, content)
select i.digest, n.origin_id, i.deleted, i.content::jsonb
from incoming i
join named n on n.said = i.origin
order by 1
on conflict do nothing;
