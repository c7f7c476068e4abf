-- What workers had to leave.
select graph.judge_drift(interval '200 milliseconds')
