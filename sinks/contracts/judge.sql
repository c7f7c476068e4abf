-- What time or a new file made due; briefly, as workers wait for a dataset that is judged here.
select graph.judge_due_contracts(interval '50 milliseconds')
