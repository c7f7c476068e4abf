-- Entries of reports of refusals, each report once. $1 event id, $2 ordinal, $3 key, $4 status, $5 reason,
-- $6 count, $7 first, $8 last, $9 gateway.
insert into graph.refusals (event_id, ordinal, key_id, status, reason, count, first_seen, last_seen, gateway)
select * from unnest($1::uuid[], $2::int4[], $3::text[], $4::int2[], $5::text[], $6::int8[],
    $7::timestamptz[], $8::timestamptz[], $9::text[])
on conflict do nothing;
