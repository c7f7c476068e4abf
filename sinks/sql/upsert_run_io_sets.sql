-- What a run reads and writes: $1 run, $2 io set, $3 earliest event time.
insert into graph.run_io_sets as s (run_uuid, io_id, first_at)
select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[])
on conflict (run_uuid, io_id) do update set first_at = excluded.first_at
where excluded.first_at < s.first_at;
