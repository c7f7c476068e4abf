-- Which run carried which statement: $1 run, $2 statement, $3 earliest event time.
insert into graph.run_statements as s (run_uuid, statement_id, first_at)
select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[])
on conflict (run_uuid, statement_id) do update set first_at = excluded.first_at
where excluded.first_at < s.first_at;
