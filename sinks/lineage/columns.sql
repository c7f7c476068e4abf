-- The graph around a field: $1 namespace, $2 name, $3 field, $4 depth, $5 upstream, $6 how many nodes
-- to show. Rows as in datasets.sql; an edge carries its job and, one a line, its transformations.
with walked as materialized (
    select 0::bigint as position, 0 as depth, $1::text as namespace, $2::text as name, $3::text as field
    union all
    select u.ordinality, u.depth, u.namespace, u.name, u.field
    from metaops.column_upstream($1, $2, $3, $4::int) with ordinality u
    where $5::bool and u.kind <> 'hidden'
    union all
    select d.ordinality, d.depth, d.namespace, d.name, d.field
    from metaops.column_downstream($1, $2, $3, $4::int) with ordinality d
    where not $5::bool and d.kind <> 'hidden'
), shown as materialized (
    select * from walked where position < $6::int
), roots as materialized (
    select s.position, d.dataset_uuid
    from shown s
    join graph.datasets d on d.name = s.name and d.namespace = s.namespace
    where s.position > 0
    union all
    select 0, unnest(graph.dataset_ids($1, $2))
), members as materialized (
    select distinct r.position, a.member, s.depth, s.field
    from graph.aliases(array(select distinct dataset_uuid from roots)) a
    join roots r on r.dataset_uuid = a.root
    join shown s using (position)
), edges as materialized (
    select p.position as parent, c.position as child, e.job_uuid, e.type, e.subtype, e.masking
    from members p
    join graph.column_edges e on e.output_uuid = p.member
        and (e.output_field = p.field or e.output_field is null)
    join members c on c.member = e.input_uuid and c.field = e.input_field
    where $5::bool and p.depth < $4::int
    union
    select p.position, c.position, e.job_uuid, e.type, e.subtype, e.masking
    from members p
    join graph.column_edges e on e.input_uuid = p.member and e.input_field = p.field
    join members c on c.member = e.output_uuid
        and (e.output_field = c.field or e.output_field is null)
    where not $5::bool and p.depth < $4::int
), steps as (
    select e.parent, e.child, e.job_uuid,
        string_agg(distinct nullif(concat_ws('/', nullif(e.type, ''), nullif(e.subtype, ''))
            || case when e.masking then ' masked' else '' end, ''), e'\n') as transformations
    from edges e
    group by e.parent, e.child, e.job_uuid
), jobs as materialized (
    select j.job_uuid, j.namespace, j.name,
        (select v.tool from metaops.jobs v where v.name = j.name and v.namespace = j.namespace) as tool
    from graph.jobs j
    where j.job_uuid in (select job_uuid from edges)
)
select 'node' as row, s.position + 1 as number, null::bigint as parent, null::bigint as child,
    false as is_job, s.namespace, s.name, s.field, null as tool, null as transformations,
    (select count(*) from walked) as total
from shown s
union all
select 'edge', null, s.parent + 1, s.child + 1, null, j.namespace, j.name, null, j.tool,
    s.transformations, null
from steps s
left join jobs j using (job_uuid)
order by row desc, number, parent, child, namespace, name
