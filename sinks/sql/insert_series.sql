-- Series that may be new, and their groups: $1 ids in order, $2 groups, $3 jobs, $4 datasets, $5 directions, $6 metrics,
-- $7 columns.
with groups as (
    insert into graph.series_states (group_uuid, is_written)
    select g.group_uuid, bool_and(g.direction = 1 and g.field is null)
    from unnest($2::uuid[], $5::int2[], $7::text[]) g (group_uuid, direction, field)
    group by g.group_uuid order by g.group_uuid
    on conflict do nothing
)
insert into graph.series (series_uuid, group_uuid, job_uuid, dataset_uuid, direction, metric, field)
select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::int2[], $6::int2[], $7::text[])
on conflict do nothing;
