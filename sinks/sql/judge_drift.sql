select graph.judge_drift();
