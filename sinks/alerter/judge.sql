-- What workers had to leave; briefly, as they wait for a subject that is judged here.
select graph.judge_drift(interval '50 milliseconds', false)
