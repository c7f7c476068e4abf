-- What did raw.orders look like on 15 November?
select f.field ->> 'name' as field, f.field ->> 'type' as type
from (select schema from metaops.dataset_versions
      where namespace = 'pg://questions' and name = 'raw.orders' and first_seen <= '2026-11-15 00:00Z'
      order by first_seen desc limit 1) v
cross join jsonb_array_elements(v.schema) f (field);
