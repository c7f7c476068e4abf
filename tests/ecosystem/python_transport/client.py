"""client.py NAMESPACE COUNT [kill|forks] - a program that uses openlineage-python as its environment configures
it and emits COUNT runs of START and COMPLETE; kill: ends itself by SIGKILL after the last emit; forks: each
run in a child that ends at once, as Airflow does it, while a thread of the parent emits, too. Prints the
seconds of each emit and the transport's class as JSON."""

import json
import logging
import os
import signal
import sys
import threading
import time
import uuid

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState

logging.basicConfig(level=logging.INFO, stream=sys.stderr)
namespace, count, how = sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else ""
client = OpenLineageClient()
seconds = []


def emit_run(number):
    run = Run(runId=str(uuid.uuid4()))
    for state, second in ((RunState.START, 0), (RunState.COMPLETE, 5)):
        event = RunEvent(
            eventType=state,
            eventTime=f"2026-03-01T10:00:0{second}.000000+00:00",
            run=run,
            job=Job(namespace=namespace, name=f"step.{number}"),
            producer="https://example.com/steps",
        )
        start = time.monotonic()
        client.emit(event)
        seconds.append(time.monotonic() - start)


def emit_in_child(number):
    pid = os.fork()
    if pid == 0:
        try:
            emit_run(number)
        finally:
            os._exit(0)
    return pid


if how == "forks":
    emit_run(count)
    thread = threading.Thread(target=lambda: [emit_run(count + 1 + i) for i in range(5)])
    thread.start()
    children = [emit_in_child(number) for number in range(count)]
    codes = [os.waitpid(pid, 0)[1] for pid in children]
    thread.join()
    assert codes == [0] * count, codes
else:
    for number in range(count):
        emit_run(number)
print(json.dumps({"seconds": seconds, "transport": type(client.transport).__name__}), flush=True)
if how == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
