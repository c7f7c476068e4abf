-- Where the name $1 stands: kind and namespace, at most six. Names that the datasets themselves have come
-- before those that only a symlink gives them, and both before jobs; the first kind that has any counts.
with found as (
    select 1 as rank, 'dataset' as kind, namespace from graph.datasets where name = $1::text and confirmed
    union
    select 2, 'dataset', other_namespace from graph.symlinks where other_name = $1::text
    union
    select 3, 'dataset', namespace from graph.datasets where name = $1::text
    union
    select 4, 'job', namespace from graph.jobs where name = $1::text
)
select kind, namespace from found
where rank = (select min(rank) from found)
order by namespace limit 6
