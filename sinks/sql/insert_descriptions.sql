-- What is said of one subject: $1 description, $2 ordinal, $3 facet, $4 producer family, $5 digest.
insert into graph.descriptions (description_id, ordinal, name, family, digest)
select * from unnest($1::uuid[], $2::int2[], $3::text[], $4::text[], $5::uuid[])
on conflict do nothing;
