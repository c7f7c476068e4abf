-- How often a walk ends at what this role may not see: $1 namespace, $2 name, $3 depth, $4 upstream, $5 field or null,
-- $6 dataset or job. Not walked again for a role that sees everything.
select case when graph.is_restricted() then (
    select count(*) from graph.walk_from($1, $2, $5, $6, $4::bool, $3::int, null, null) w where w.kind = 'hidden')
    else 0 end
