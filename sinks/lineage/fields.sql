-- Fields of the dataset $1 (namespace), $2 (name), aliases together: those of its schema and those that
-- column lineage names. Those most like $3 first, at most six; `same` marks $3 itself.
with members as materialized (
    select unnest(graph.dataset_ids($1, $2)) as id
), fields as (
    select f.field from members m cross join lateral graph.fields_of(m.id) f
    union
    select e.output_field from members m join graph.column_edges e on e.output_uuid = m.id
    where e.output_field is not null
    union
    select e.input_field from members m join graph.column_edges e on e.input_uuid = m.id
)
select field, field = $3::text as same from fields
order by field = $3::text desc, lower(field) = lower($3::text) desc,
    position(lower($3::text) in lower(field)) > 0 desc, field collate "C"
limit 6
