"""gateway_away.py killed|frozen - with our transport in Airflow and dbt, and Spark's listener on Kafka: the
gateway is away for a minute in the middle of a DAG run, twice. No task fails, no task waits more than a second
longer for its events, and afterwards every event is there, once."""

import os
import pathlib
import sys

import checks
import tools
from faults import Emits, away, seconds_by_task, show
from own_pipeline import PROGRAM, ROOT
from scenario import COLUMN_WAY, world

TRANSPORT = "metaops_openlineage.MetaOpsTransport"
LATER_S_MAX = 1.0
BUILD = pathlib.Path(PROGRAM).parent


def environment(folder):
    """Our package beside the tools' own, the library as it was built, a spool of the test."""
    library = os.environ.get("METAOPS_EMIT_LIBRARY") or next(BUILD.rglob("libmetaops_emit.so.1"), None)
    if not library:
        raise tools.NotRun("libmetaops_emit.so.1 is not built")
    return {
        "PYTHONPATH": f"{ROOT / 'ingest/python'}:{tools.SUPPORT / 'timed'}",
        "METAOPS_EMIT_LIBRARY": str(library),
        "METAOPS_EMIT_SPOOL": str(folder / "spool"),
        "SHOP_EMITS": str(folder / "emits.jsonl"),
    }


def main(how):
    def transport(url):
        return {"type": TRANSPORT, "url": url}

    with world("airflow_2", transport, spark_by="kafka", extra=environment) as w:
        state = away(w, how, how)
        checks.check("the DAG run succeeds", "success", state)
        times = seconds_by_task(Emits(w.pipe.folder / "emits.jsonl").new())
        show(times)
        slow = {task: t[0] for task, t in times.items() if t[0] > LATER_S_MAX}
        checks.check(f"no task waited more than {LATER_S_MAX:.0f} s for its events", {}, slow)
        checks.check("nothing was raised into a tool", 0, sum(t[3] for t in times.values()))
        checks.check("every event of every run, once", w.expected_events(), w.wait_events(how, 60))
        print(f"seconds of the tasks: {w.site.seconds(how)}")
        checks.check("column_upstream() walks to the raw column", w.expected(COLUMN_WAY), w.column_way())
        checks.check("no dead letters", 0, w.pipe.value("select count(*) from metaops.dead_letters"))


tools.run(main, sys.argv[1])
