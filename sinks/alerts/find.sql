-- The alerts whose id begins with $1, two at most.
select alert_id from metaops.alerts where alert_id::text like lower($1) || '%' limit 2
