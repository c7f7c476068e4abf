-- The graph around a dataset or job: $1 namespace, $2 name, $3 dataset or job, $4 depth, $5 upstream,
-- $6 how many nodes to show. Nodes come level by level, then the edges between those that are shown;
-- parent is the end nearer to the start. `total` counts all nodes.
with walked as materialized (
    select 0::bigint as position, 0 as depth, $1::text as namespace, $2::text as name
    where $3::text = 'dataset'
    union all
    select u.ordinality, u.depth, u.namespace, u.name
    from metaops.upstream($1, $2, $4::int, kind => $3) with ordinality u
    where $5::bool and u.kind = 'dataset'
    union all
    select d.ordinality, d.depth, d.namespace, d.name
    from metaops.downstream($1, $2, $4::int, kind => $3) with ordinality d
    where not $5::bool and d.kind = 'dataset'
), near as materialized (
    -- A job entered from a later dataset comes behind more nodes than are shown.
    select * from walked where position < $6::int
), roots as materialized (
    select n.position, n.depth, d.dataset_uuid
    from near n
    join graph.datasets d on d.name = n.name and d.namespace = n.namespace
    where n.position > 0
    union all
    select 0, 0, unnest(graph.dataset_ids($1, $2))
    where $3::text = 'dataset'
), members as materialized (
    select distinct r.position, r.depth, a.member
    from graph.aliases(array(select dataset_uuid from roots)) a
    join roots r on r.dataset_uuid = a.root
), entered as materialized (
    select distinct m.position, m.depth, e.job_uuid
    from members m
    join graph.edges e on e.dataset_uuid = m.member and e.direction = $5::bool::int
    where m.depth < $4::int
), jobs as materialized (
    select job_uuid, min(depth) as depth, min(position) as position
    from entered
    group by job_uuid
    union
    select j.job_uuid, -1, -1
    from graph.jobs j
    where $3::text = 'job' and j.name = $2 and j.namespace = $1
), numbered as materialized (
    select n.*, row_number() over (order by n.place, n.position,
            (n.namespace || '/' || n.name) collate "C") as number
    from (
        select 2 * w.depth as place, w.position, w.namespace, w.name, null::uuid as job_uuid
        from near w
        union all
        select 2 * j.depth + 1, j.position, g.namespace, g.name, j.job_uuid
        from jobs j
        join graph.jobs g using (job_uuid)
    ) n
), shown as materialized (
    select * from numbered where number <= $6::int
), counted as materialized (
    select (select count(*) from walked) + count(distinct all_jobs.job_uuid) as total
    from (
        select e.job_uuid
        from graph.aliases(array(
            select d.dataset_uuid
            from walked w
            join graph.datasets d on d.name = w.name and d.namespace = w.namespace
            where w.depth < $4::int)) a
        join graph.edges e on e.dataset_uuid = a.member and e.direction = $5::bool::int
        union all
        select job_uuid from jobs
    ) all_jobs
)
select 'node' as row, s.number, null::bigint as parent, null::bigint as child,
    s.job_uuid is not null as is_job, s.namespace, s.name, null as field,
    case when s.job_uuid is not null then
        (select v.tool from metaops.jobs v where v.name = s.name and v.namespace = s.namespace) end as tool,
    null as transformations, c.total
from shown s, counted c
union all
select 'edge', null, d.number, j.number, null, null, null, null, null, null, null
from entered e
join shown d on d.job_uuid is null and d.position = e.position
join shown j on j.job_uuid = e.job_uuid
union all
select distinct 'edge', null::bigint, j.number, d.number, null::bool, null, null, null, null, null,
    null::bigint
from shown j
join graph.edges e on e.job_uuid = j.job_uuid and e.direction = 1 - $5::bool::int
join members m on m.member = e.dataset_uuid
join shown d on d.job_uuid is null and d.position = m.position
order by row desc, number, parent, child
