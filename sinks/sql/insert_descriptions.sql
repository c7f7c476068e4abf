-- What is said of one subject: $1 description, $2 ordinal, $3 facet, $4 producer family, $5 digest, $6 what it tells of
-- minimum metadata.
insert into graph.descriptions (description_id, ordinal, name, family, digest, facts)
select * from unnest($1::uuid[], $2::int2[], $3::text[], $4::text[], $5::uuid[], $6::int4[])
on conflict do nothing;
