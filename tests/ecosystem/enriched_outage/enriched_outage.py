"""The broker is frozen (SIGSTOP) for longer than a request may take, while the sink kafka writes: what was on
its way, and may be in the broker's hands unanswered, is neither lost nor written twice."""

import hashlib
import json
import os
import pathlib
import signal
import time

from avro_records import read_enriched
from checks import check, end
from own_pipeline import Pipeline, wait_until

EVENTS = 4000
FREEZES = 2
TIMEOUT_MS = 1500


def bodies(part):
    return [json.dumps({"eventTime": "2026-03-01T10:00:00Z", "run": {"runId": f"run-{part}-{i}"}, "producer": "p" * 300,
                        "job": {"namespace": "outage", "name": f"job-{i % 97}"}}).encode() for i in range(EVENTS)]


def freeze(pid, seconds):
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        os.kill(pid, signal.SIGCONT)


def main():
    kafka = int((pathlib.Path(os.environ["METAOPS_LOCAL_DIR"]) / "run/kafka.pid").read_text().split()[0])
    settings = {"METAOPS_POSTGRES_CONNINFO": "host=127.0.0.1 port=1", "METAOPS_WORKER_BATCH_EVENTS_MAX": "20"}
    with Pipeline("outage", 3, settings) as pipe:
        topic = f"{pipe.name}.enriched"
        worker = pipe.worker(METAOPS_WORKER_SINK="kafka", METAOPS_WORKER_GROUP=f"{pipe.name}-enriched",
                             METAOPS_INGEST_MESSAGE_TIMEOUT_MS=str(TIMEOUT_MS))
        for number in range(FREEZES):
            os.kill(worker.process.pid, signal.SIGSTOP)  # so that all waits for it
            pipe.emit(bodies(number))
            os.kill(worker.process.pid, signal.SIGCONT)
            wait_until("something is written", lambda: sum(pipe.ends(topic).values()) > number * EVENTS)
            freeze(kafka, TIMEOUT_MS / 1000 + 3.5)
            check(f"frozen in the middle ({number + 1})", True, worker.words(1 << 20).count("REQTMOUT") > number)
            wait_until("all is written", lambda: sum(pipe.ends(topic).values()) >= (number + 1) * EVENTS, 90)
        time.sleep(3)  # for what would come a second time
        found = [read_enriched(value)["event_id"] for _, _, _, value in pipe.records(topic)]
        sent = {hashlib.sha256(body).digest()[:16] for part in range(FREEZES) for body in bodies(part)}
        check("nothing is lost", set(), sent - set(found))
        check("nothing is there twice", len(set(found)), len(found))
        check("the worker lives", True, worker.runs())
    end()


main()
