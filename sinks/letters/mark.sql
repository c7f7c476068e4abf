-- Letters whose records the broker has again: $1 their ids. Who sent them is an act of the audit.
with marked as (
    update graph.dead_letters set retried_at = now(), retries = retries + 1 where letter_id = any ($1::uuid[])
    returning letter_id
)
select graph.audit_act('retry', jsonb_build_object('letters', jsonb_agg(letter_id order by letter_id)))
from marked having count(*) > 0
