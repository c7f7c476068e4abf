-- What workers had to leave, what shows only in several runs, and contracts that time or a new file made due; briefly, as
-- workers wait for a subject that is judged here. True: something may be left that is to be told soon.
select drift or contracts
from (select graph.judge_drift(interval '50 milliseconds', false) as drift,
          graph.judge_jobs(interval '20 milliseconds') as jobs,
          graph.judge_due_contracts(interval '20 milliseconds') as contracts) left_over
