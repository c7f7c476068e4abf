-- Deliveries that are due or will be, and those given up.
select (select count(*) from graph.alert_outbox where not is_routed) +
        count(*) filter (where done_at is null and given_up_at is null),
    count(*) filter (where given_up_at is not null)
from graph.alert_deliveries
