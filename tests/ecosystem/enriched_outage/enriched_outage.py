"""The broker is frozen (SIGSTOP) while the sink kafka writes, until a request has taken longer than it may: what was on
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
PARTS_MAX = 20
TIMEOUT_MS = 1500


def bodies(part):
    return [json.dumps({"eventTime": "2026-03-01T10:00:00Z", "run": {"runId": f"run-{part}-{i}"}, "producer": "p" * 300,
                        "job": {"namespace": "outage", "name": f"job-{i % 97}"}}).encode() for i in range(EVENTS)]


def stop_in_the_middle(worker, written, begin, ends):
    """The worker is stopped; whether it has begun what leads from begin to ends, and is not through: it goes on for a
    moment each time until then, and may be quicker than we are."""
    while (now := written()) <= begin:
        worker.send_signal(signal.SIGCONT)
        time.sleep(0.01)
        worker.send_signal(signal.SIGSTOP)
    return now < ends


def freeze(kafka, worker, has_waited):
    """The broker, until the worker, which goes on, has given up waiting for an answer."""
    os.kill(kafka, signal.SIGSTOP)
    try:
        worker.send_signal(signal.SIGCONT)
        wait_until("a request takes longer than it may", has_waited)
        time.sleep(1)
    finally:
        os.kill(kafka, signal.SIGCONT)


def main():
    kafka = int((pathlib.Path(os.environ["METAOPS_LOCAL_DIR"]) / "run/kafka.pid").read_text().split()[0])
    settings = {"METAOPS_POSTGRES_CONNINFO": "host=127.0.0.1 port=1", "METAOPS_WORKER_BATCH_EVENTS_MAX": "20"}
    with Pipeline("outage", 3, settings) as pipe:
        topic = f"{pipe.name}.enriched"
        worker = pipe.worker(METAOPS_WORKER_SINK="kafka", METAOPS_WORKER_GROUP=f"{pipe.name}-enriched",
                             METAOPS_INGEST_MESSAGE_TIMEOUT_MS=str(TIMEOUT_MS))
        pipe.wait_ready()
        parts, frozen = 0, 0

        def written():
            return sum(pipe.ends(topic).values())

        while parts < PARTS_MAX and frozen < FREEZES:
            worker.process.send_signal(signal.SIGSTOP)  # so that all waits for it
            pipe.emit(bodies(parts))
            parts += 1
            if stop_in_the_middle(worker.process, written, (parts - 1) * EVENTS, parts * EVENTS):
                given_up = worker.words(1 << 24).count("REQTMOUT")
                freeze(kafka, worker.process, lambda: worker.words(1 << 24).count("REQTMOUT") > given_up)
                frozen += 1
            worker.process.send_signal(signal.SIGCONT)
            wait_until("all is written", lambda: written() >= parts * EVENTS)
        check(f"frozen in the middle of {parts} parts", FREEZES, frozen)
        time.sleep(3)  # for what would come a second time
        found = [read_enriched(value)["event_id"] for _, _, _, value in pipe.records(topic)]
        sent = {hashlib.sha256(body).digest()[:16] for part in range(parts) for body in bodies(part)}
        check("nothing is lost", set(), sent - set(found))
        check("nothing is there twice", len(set(found)), len(found))
        check("the worker lives", True, worker.runs())
    end()


main()
