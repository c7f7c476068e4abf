-- Gates that may be passed again or no more, what workers had to leave, what shows only in several runs, and contracts that time
-- or a new file made due; briefly, as workers wait for a subject that is judged here, and in the order in which they do it. True:
-- something may be left that is to be told soon.
select drift or contracts
from (select graph.judge_due_gates(interval '5 milliseconds') as gates,
          graph.judge_model_gates(interval '5 milliseconds') as model_gates,
          graph.judge_drift(interval '20 milliseconds', false) as drift,
          graph.judge_jobs(interval '5 milliseconds') as jobs,
          graph.judge_due_contracts(interval '5 milliseconds') as contracts) left_over
