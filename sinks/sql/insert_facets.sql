-- Facets not yet stored: $1 digests in order, $2 whether marked as deleted, $3 contents as JSON text.
-- Who made a facet and by which schema repeats far more often than its content: kept apart.
with incoming as materialized (
    select f.digest, f.deleted, f.content::jsonb as content
    from unnest($1::uuid[], $2::bool[], $3::text[]) as f (digest, deleted, content)
), origin as materialized (
    select i.digest, i.deleted,
        case when jsonb_typeof(i.content) = 'object' then jsonb_strip_nulls(jsonb_build_object(
            '_producer', i.content -> '_producer', '_schemaURL', i.content -> '_schemaURL'))
            else '{}' end as origin,
        case when jsonb_typeof(i.content) = 'object'
            then i.content - '{_producer,_schemaURL}'::text[] else i.content end as content
    from incoming i
), origins as (
    insert into graph.facet_origins (origin_id, origin)
    select distinct md5(o.origin::text)::uuid, o.origin from origin o order by 1
    on conflict do nothing
)
insert into graph.facets (digest, origin_id, deleted, content)
select o.digest, md5(o.origin::text)::uuid, o.deleted, o.content from origin o
on conflict do nothing;
