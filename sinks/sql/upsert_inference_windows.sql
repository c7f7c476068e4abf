-- What new payloads add to windows: $1 streams, $2 begins (keys in order), $3 requests, $4 answers, $5 errors,
-- $6 feedbacks, $7 those with a reward, $8 rewards in millionths.
insert into graph.inference_windows as w (stream_uuid, window_start, requests, answers, errors,
    feedbacks, rewarded, reward_micros)
select * from unnest($1::uuid[], $2::timestamptz[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::int8[])
on conflict (stream_uuid, window_start) do update set
    requests = w.requests + excluded.requests,
    answers = w.answers + excluded.answers,
    errors = w.errors + excluded.errors,
    feedbacks = w.feedbacks + excluded.feedbacks,
    rewarded = w.rewarded + excluded.rewarded,
    reward_micros = w.reward_micros + excluded.reward_micros;
