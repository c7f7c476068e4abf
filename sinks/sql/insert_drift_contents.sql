-- What new statements say: $1 subject, $2 aspect, $3 id of the content, in that order.
insert into graph.drift_contents (subject_uuid, aspect, content_id)
select * from unnest($1::uuid[], $2::int2[], $3::uuid[])
on conflict do nothing;
