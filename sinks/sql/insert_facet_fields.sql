-- Fields of schema facets: $1 digest, $2 ordinal, $3 name, $4 type, $5 description.
insert into graph.facet_fields (digest, ordinal, name, type, description)
select * from unnest($1::uuid[], $2::int4[], $3::text[], $4::text[], $5::text[])
on conflict do nothing;
