-- Within the transaction of the events, for so long: rows of the graph are locked here. What is left is for the next batch
-- or the alerter.
select graph.judge_drift(interval '20 milliseconds');
