"""plain_http.py - the stock HTTP transports of all three tools, and the gateway away for a minute: killed as Spark
begins, killed as dbt begins, frozen as Spark begins. No task fails, and none waits longer than its client's
own time-outs allow. What the clients lose then is theirs, and printed."""

import checks
import tools
from faults import Emits, away, missing, seconds_by_task, show
from scenario import world

# Airflow gives the process that emits 10 s for START and another 10 s for COMPLETE. dbt's wrapper emits one
# event after the other when dbt has ended, six in this project, each tried six times in a time-out of 5 s with
# pauses of 9 s in all. Spark's listener works beside Spark; at the end it is waited for.
WAITS_S_MAX = {"load": 20.0, "convert": 20.0, "report": 20.0 + 6 * 39.0, "(scheduler)": 2 * 39.0}


def environment(folder):
    return {"PYTHONPATH": str(tools.SUPPORT / "timed"), "SHOP_EMITS": str(folder / "emits.jsonl")}


def main():
    with world("airflow_2", lambda url: {"type": "http", "url": url}, extra=environment) as w:
        emits = Emits(w.pipe.folder / "emits.jsonl")
        for run_id, how, after_task in (
            ("killed-for-spark", "killed", "load"),
            ("killed-for-dbt", "killed", "convert"),
            ("frozen-for-spark", "frozen", "load"),
        ):
            state = away(w, run_id, how, after_task)
            checks.check(f"{run_id}: the DAG run succeeds", "success", state)
            times = seconds_by_task(emits.new())
            show(times)
            slow = {task: t[0] for task, t in times.items() if t[0] > WAITS_S_MAX[task]}
            checks.check(f"{run_id}: no task waited longer than its client's time-outs", {}, slow)
            lost = missing(w.expected_events(), w.wait_events(run_id, 15))
            print(f"  seconds of the tasks: {w.site.seconds(run_id)}")
            print(f"  lost by the clients: {len(lost)} of 21 events")
            for event in lost:
                print(f"    {event}")


try:
    main()
except tools.NotRun as reason:
    print(f"not run: {reason}")
    raise SystemExit(77)
checks.end()
