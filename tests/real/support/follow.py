"""follow.py airflow_2|airflow_3 - one DAG run of shop_daily: Airflow's own events, Spark's and dbt's, all by their
stock HTTP transports. One question walks from dbt's column to the raw one, one shows the run tree."""

import sys

import checks
import tools
from own_pipeline import query
from scenario import BEST_TOTAL, COLUMN_WAY, RUN_TREE, world


def follow(version):
    with world(version, lambda url: {"type": "http", "url": url}) as w:
        w.site.trigger("daily")
        state = w.site.wait_run("daily")
        checks.check("the DAG run succeeds", "success", state)
        if state != "success":
            return
        print(f"seconds of the tasks: {w.site.seconds('daily')}")
        events = w.wait_events("daily", 30)
        checks.check("every event of every run, once", w.expected_events(), events)
        tree = w.run_tree(w.dag_run("daily"))
        shown = "\n".join(f"{depth} {namespace} {job}" for depth, namespace, job, _ in tree)
        checks.check("one query shows the run tree", w.expected(RUN_TREE), shown)
        checks.check("all of it completed", {"COMPLETED"}, {state for *_, state in tree})
        checks.check("column_upstream() walks to the raw column", w.expected(COLUMN_WAY), w.column_way())
        checks.check("the report is right", [(BEST_TOTAL,)], query(w.warehouse.dsn, "select * from report.best_customer"))
        checks.check("no dead letters", 0, w.pipe.value("select count(*) from metaops.dead_letters"))
        print("\n".join(f"{'    ' * depth}{job} ({namespace}) {state}" for depth, namespace, job, state in tree))
        print(w.column_way())


tools.run(follow, sys.argv[1])
