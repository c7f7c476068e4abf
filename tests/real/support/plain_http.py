"""plain_http.py killed|frozen - the stock HTTP transports of all three tools, and the gateway away for half a minute as
Spark begins and again as dbt begins. No task fails, and none waits longer than its client's own time-outs
allow. What the clients lose then is theirs, and printed."""

import sys

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


def main(how):
    with world("airflow_2", lambda url: {"type": "http", "url": url}, extra=environment) as w:
        state = away(w, how, how, away_s=30.0)
        checks.check("the DAG run succeeds", "success", state)
        times = seconds_by_task(Emits(w.pipe.folder / "emits.jsonl").new())
        show(times)
        slow = {task: t[0] for task, t in times.items() if t[0] > WAITS_S_MAX[task]}
        checks.check("no task waited longer than its client's time-outs", {}, slow)
        lost = missing(w.expected_events(), w.wait_events(how, 15))
        print(f"seconds of the tasks: {w.site.seconds(how)}")
        print(f"lost by the clients: {len(lost)} of 21 events")
        for event in lost:
            print(f"    {event}")


tools.run(main, sys.argv[1])
