-- Rows of chains that have no name any more.
select a.stream_id, count(*) from graph.audit a
where not exists (select from graph.audit_streams s where s.stream_id = a.stream_id) group by 1 order by 1
