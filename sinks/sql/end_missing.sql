-- What was missing has come: $1 series.
select graph.end_missing($1::uuid[]);
