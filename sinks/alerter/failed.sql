-- A try failed: $1 message, $2 receiver, $3 which try, $4 why, $5 again in so many milliseconds (null: given up). Another
-- alerter may have taken it over, or be done with it.
update graph.alert_deliveries
set last_error = $4, next_at = clock_timestamp() + coalesce($5::bigint, 0) * interval '1 ms',
    given_up_at = case when $5 is null then clock_timestamp() end
where outbox_id = $1::bigint and receiver = $2 and attempts = $3::integer and done_at is null and given_up_at is null
