-- What workers had to leave, and contracts that time or a new file made due; briefly, as they wait for a subject that is
-- judged here.
select graph.judge_drift(interval '50 milliseconds', false), graph.judge_due_contracts(interval '20 milliseconds')
