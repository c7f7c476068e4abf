-- Marks by which what a run runs in finds it: $1 marks and $2 runs, in this order.
insert into graph.run_marks (mark, run_uuid)
select * from unnest($1::uuid[], $2::uuid[])
on conflict do nothing;
