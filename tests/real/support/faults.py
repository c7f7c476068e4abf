"""faults - the gateway goes away for a minute, twice, while a DAG run goes on: killed, or frozen by SIGSTOP. What
the tasks felt of it, and what is there afterwards."""

import collections
import json
import signal
import time

MINUTE_S = 60.0


def away(world, run_id, how, away_s=MINUTE_S):
    """Triggers a run; takes the gateway away for away_s as soon as load has succeeded, and again as soon as
    convert has: while Spark works, and while dbt tells what it did. -> state of the DAG run"""
    world.site.trigger(run_id)
    for after_task in ("load", "convert"):
        world.site.wait_task(run_id, after_task)
        take_away(world, how)
        time.sleep(away_s)
        seen = world.site.task_states(run_id)
        bring_back(world, how)
        print(f"{how} for {away_s:.0f} s from the end of {after_task} on; the tasks then: {seen}", flush=True)
    return world.site.wait_run(run_id)


def take_away(world, how):
    if how == "killed":
        world.gateway.kill()
    else:
        world.gateway.process.send_signal(signal.SIGSTOP)


def bring_back(world, how):
    if how == "killed":
        world.gateway.start()
    else:
        world.gateway.process.send_signal(signal.SIGCONT)


class Emits:
    """What timed/sitecustomize.py wrote: one entry for each emit and close of Airflow's and dbt's client."""

    def __init__(self, path):
        self.path = path
        self.read = 0

    def new(self):
        """Those since the last call."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        fresh, self.read = lines[self.read :], len(lines)
        return [json.loads(line) for line in fresh]


def task_of(job):
    """The task that waits for the emit of this job's event: for dbt's report, for the DAG's none."""
    if job.startswith("shop_daily."):
        return job.removeprefix("shop_daily.")
    return "(scheduler)" if job == "shop_daily" else "report"


def seconds_by_task(emits):
    """{task: (seconds spent in emits, longest one, emits, failed)}"""
    tasks = collections.defaultdict(list)
    for emit in emits:
        tasks[task_of(emit["job"])].append(emit)
    return {
        task: (
            round(sum(e["seconds"] for e in of), 3),
            max(e["seconds"] for e in of),
            len(of),
            sum(1 for e in of if e["failure"]),
        )
        for task, of in tasks.items()
    }


def show(times):
    for task, (seconds, longest, number, failed) in sorted(times.items()):
        print(f"  {task:12} {number:2} calls, {seconds:7.3f} s in all, longest {longest:.3f} s, {failed} raised")


def missing(expected, events):
    """Events that did not come, as text."""
    return [f"{job} {kind}" for (job, kind), number in sorted(expected.items()) if events.get((job, kind), 0) < number]
