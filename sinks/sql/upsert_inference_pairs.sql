-- Requests and their answers, each at its earliest: $1 ids in order, $2 streams, $3 times of requests, $4 of answers.
insert into graph.inference_pairs as p (pair_uuid, stream_uuid, request_at, answer_at)
select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[])
on conflict (pair_uuid) do update set
    request_at = least(p.request_at, excluded.request_at),
    answer_at = least(p.answer_at, excluded.answer_at);
