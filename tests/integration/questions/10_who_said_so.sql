-- Who said on 19 November that shop.orders_by_country reads raw.orders, and where does it stand?
select event_time, substring(producer from '[^/]+$') as tool, coalesce(principal, 'not known') as principal,
    run_id, json_pointer, body::jsonb #>> string_to_array(ltrim(json_pointer, '/'), '/') as said
from metaops.evidence('questions-dbt', 'shop.orders_by_country', 'pg://questions', 'raw.orders')
where event_time >= '2026-11-19 00:00Z'
order by event_time;
