"""The broker is frozen (SIGSTOP) for longer than a record may wait, while the sink kafka writes: what was on
its way is neither lost nor written twice, and no batch is written past one that failed."""

import hashlib
import json
import os
import pathlib
import signal
import time

from avro_records import read_enriched
from checks import check, end
from own_pipeline import Pipeline, wait_until

EVENTS = 8000
FREEZES = 2
TIMEOUT_MS = 1500


def bodies():
    return [json.dumps({"eventTime": "2026-03-01T10:00:00Z", "run": {"runId": f"run-{i}"}, "producer": "p" * 300,
                        "job": {"namespace": "outage", "name": f"job-{i % 97}"}}).encode() for i in range(EVENTS)]


def freeze(pid, seconds):
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        os.kill(pid, signal.SIGCONT)


def main():
    kafka = int((pathlib.Path(os.environ["METAOPS_LOCAL_DIR"]) / "run/kafka.pid").read_text().split()[0])
    settings = {"METAOPS_POSTGRES_CONNINFO": "host=127.0.0.1 port=1", "METAOPS_WORKER_BATCH_EVENTS_MAX": "50"}
    with Pipeline("outage", 3, settings) as pipe:
        topic = f"{pipe.name}.enriched"
        pipe.emit(bodies())
        worker = pipe.worker(METAOPS_WORKER_SINK="kafka", METAOPS_WORKER_GROUP=f"{pipe.name}-enriched",
                             METAOPS_INGEST_MESSAGE_TIMEOUT_MS=str(TIMEOUT_MS))
        for number in range(FREEZES):
            written = sum(pipe.ends(topic).values())
            wait_until("something more is written", lambda: sum(pipe.ends(topic).values()) > written)
            check(f"frozen in the middle ({number + 1})", True, sum(pipe.ends(topic).values()) < EVENTS)
            freeze(kafka, TIMEOUT_MS / 1000 + 3.5)
        wait_until("all is written", lambda: sum(pipe.ends(topic).values()) >= EVENTS, 90)
        time.sleep(3)  # for what would come a second time
        found = [read_enriched(value)["event_id"] for _, _, _, value in pipe.records(topic)]
        check("records were refused meanwhile", True, "did not take a record" in worker.words(1 << 20))
        check("nothing is lost", set(), {hashlib.sha256(body).digest()[:16] for body in bodies()} - set(found))
        check("nothing is there twice", len(set(found)), len(found))
        check("the worker lives", True, worker.runs())
    end()


main()
