-- What workers had to leave, what shows only in several runs, and contracts that time or a new file made due; briefly, as
-- workers wait for a subject that is judged here.
select graph.judge_drift(interval '50 milliseconds', false), graph.judge_jobs(interval '20 milliseconds'),
    graph.judge_due_contracts(interval '20 milliseconds')
