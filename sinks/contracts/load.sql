-- Makes what stands in a file what holds: $1 its JSON.
select graph.load_contracts($1::jsonb)
