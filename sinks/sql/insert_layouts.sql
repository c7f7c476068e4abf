-- Where the digests of an event belong: $1 layout, $2 slot, $3 kind and $4 id of the subject (null: the
-- event's run), $5 place, $6 facet, $7 producer family, $8 what it tells of minimum metadata.
insert into graph.layouts (layout_id, slot, subject_kind, subject_uuid, place, name, family, facts)
select * from unnest($1::uuid[], $2::int2[], $3::int2[], $4::uuid[], $5::int2[], $6::text[],
    $7::text[], $8::int4[])
on conflict do nothing;
