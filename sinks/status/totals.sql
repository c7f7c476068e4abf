-- What went wrong lately, and how big the store is.
select (select count(*) from metaops.dead_letters),
    (select count(*) from metaops.dead_letters where failed_at > now() - interval '1 hour'),
    (select count(*) from metaops.refusals where last_seen > now() - interval '1 hour'),
    pg_database_size(current_database())
