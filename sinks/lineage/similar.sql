-- Up to five names that look like $1 (a name): the same one elsewhere first, then those that share most of
-- its words, of equals the one nearest in length.
with words as (
    select distinct w from regexp_split_to_table(lower($1::text), '[^[:alnum:]]+') w where w <> ''
    limit 16
), names as (
    select 'dataset' as kind, namespace, name from graph.datasets where confirmed
    union all
    select 'job', namespace, name from graph.jobs
), ranked as (
    select n.*, n.name = $1::text as same,
        position(lower($1::text) in lower(n.name)) > 0 as has_all,
        (select count(*) from words where position(w in lower(n.name)) > 0) as hits
    from names n
)
select kind, namespace, name from ranked
where hits > 0
order by same desc, has_all desc, hits desc, abs(length(name) - length($1::text)),
    (namespace || '/' || name) collate "C"
limit 5
