-- Letters whose records the broker has again: $1 their ids.
update graph.dead_letters set retried_at = now(), retries = retries + 1 where letter_id = any ($1::uuid[])
