-- $1 statement, $2 ordinal, $3 slot (null: static), $4 kind and $5 id of the subject, $6 place,
-- $7 name, $8 producer family, $9 digest (null: in the event's slot).
insert into graph.statement_facets (statement_id, ordinal, slot, subject_kind, subject_uuid, place,
    name, family, digest)
select * from unnest($1::uuid[], $2::int2[], $3::int2[], $4::int2[], $5::uuid[], $6::int2[],
    $7::text[], $8::text[], $9::uuid[])
on conflict do nothing;
