-- Contracts on datasets of these statements: $1.
select graph.judge_contracts($1::uuid[]);
