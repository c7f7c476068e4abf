-- What monitors that said something new say by now: $1.
select graph.judge_monitors($1::uuid[]);
