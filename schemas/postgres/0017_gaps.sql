-- The view metaops.gaps calls this function with the rights of whoever asks, and readers may not read the table behind
-- it: so they could not read the view as soon as there was an emitter. It says no more than the view does.
alter function graph.numbers_missing(text, bigint, bigint, bigint) security definer;
alter function graph.numbers_missing(text, bigint, bigint, bigint) set search_path = pg_catalog;
