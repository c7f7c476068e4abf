-- Within the transaction of the events, for so long: rows of the graph are locked here. What is left is the alerter's.
select graph.judge_drift(interval '10 milliseconds', true);
