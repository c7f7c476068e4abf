-- Facets not yet stored: $1 digests in order, $2 whether marked as deleted, $3 contents as JSON text.
-- Who made a facet and by which schema repeats far more often than its content: kept apart.
with incoming as materialized (
    select f.digest, f.deleted, f.content::jsonb as content
    from unnest($1::uuid[], $2::bool[], $3::text[]) as f (digest, deleted, content)
), named as materialized (
    select i.digest, i.deleted, i.content, jsonb_typeof(i.content) = 'object' as is_object,
        array(select k.name from unnest('{_producer,_schemaURL}'::text[]) as k (name)
              where jsonb_typeof(i.content -> k.name) = 'string') as names
    from incoming i
), origin as materialized (
    select n.digest, n.deleted,
        case when n.is_object then jsonb_strip_nulls(jsonb_build_object(
            '_producer', case when '_producer' = any (n.names) then n.content -> '_producer' end,
            '_schemaURL', case when '_schemaURL' = any (n.names) then n.content -> '_schemaURL' end))
            else '{}' end as origin,
        case when n.is_object then n.content - n.names else n.content end as content
    from named n
), origins as (
    insert into graph.facet_origins (origin_id, origin)
    select distinct md5(o.origin::text)::uuid, o.origin from origin o order by 1
    on conflict do nothing
)
insert into graph.facets (digest, origin_id, deleted, content)
select o.digest, md5(o.origin::text)::uuid, o.deleted, o.content from origin o
on conflict do nothing;
