-- $1 output dataset, $2 job (zero: none), $3 digest of the facet, $4 ordinal in it, $5 output field
-- (null: the whole dataset), $6 input dataset, $7 input field, $8 type, $9 subtype, $10 masking,
-- $11 description.
insert into graph.column_edges (output_uuid, job_uuid, digest, ordinal, output_field, input_uuid,
    input_field, type, subtype, masking, description)
select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int4[], $5::text[], $6::uuid[],
    $7::text[], $8::text[], $9::text[], $10::bool[], $11::text[])
on conflict do nothing;
