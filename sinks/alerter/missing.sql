-- Writes that are missing, a hundred at most.
select graph.judge_missing(100)
