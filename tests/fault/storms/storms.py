"""Clients post through two gateways while four workers come and go every two seconds, in order or killed, so that the
group is hardly ever at rest; then there is one worker, four, two. At last the four race through a heap of events
about 200 jobs and tables, so that all of them write the same rows all the time. Events are stored in every stage,
every acknowledged one is there once, the graph is that of an undisturbed worker, and PostgreSQL saw no deadlock.

METAOPS_SEED (default 1)."""

import json
import os
import random
import time

from checks import check, end
from ledger import Ledger, compare
from load import start_clients, stop_clients
from own_pipeline import Pipeline, wait_until

ROUNDS = 12
HEAP = 3000
CLIENTS = 2  # of each gateway
HOT = 200
SETTINGS = {
    "METAOPS_WORKER_SESSION_TIMEOUT_MS": "6000",
    "METAOPS_WORKER_BATCH_EVENTS_MAX": "60",
    "METAOPS_WORKER_LANES": "2",
}


def hot_table(rng, number):
    """Now and then it has a column more, so that drift is judged, too."""
    fields = [{"name": f"c{number}", "type": "text"}] + [{"name": "more", "type": "text"}] * (rng.random() < 0.005)
    return {"namespace": "hot", "name": f"table-{number}", "facets": {"schema": {
        "_producer": "https://example.com/p", "_schemaURL": "https://example.com/f.json", "fields": fields}}}  # fmt: skip


def hot_event(rng, number):
    """Each job reads a table that another one writes, four in a ring."""
    job = rng.randrange(HOT)
    return json.dumps({
        "eventTime": f"2026-04-{rng.randrange(1, 31):02}T{rng.randrange(24):02}:00:00Z",
        "eventType": rng.choice(["START", "COMPLETE"]),
        "run": {"runId": f"0190a0a0-0000-7000-9000-{number:012x}"},
        "job": {"namespace": "hot", "name": f"job-{job}"},
        "inputs": [hot_table(rng, job)],
        "outputs": [hot_table(rng, job // 4 * 4 + (job + 1) % 4)],
    }).encode()  # fmt: skip


class Stage:
    def __init__(self, pipe, rng, seed, ledger):
        self.pipe, self.rng, self.ledger = pipe, rng, ledger
        self.gateways = [pipe.gateway("gateway-1"), pipe.gateway("gateway-2")]
        self.workers = [pipe.worker(number) for number in (1, 2, 3, 4)]
        pipe.wait_ready()
        self.clients = []
        for gateway in self.gateways:
            address = gateway.url.removeprefix("http://")
            self.clients += start_clients(CLIENTS, seed, address, ledger, first=len(self.clients), pause_s=0.02)

    def stored(self):
        return self.pipe.value("select count(*) from metaops.events")

    def assignments(self):
        """How often a worker was told what is its part."""
        logs = [(self.pipe.folder / f"{worker.name}.log").read_bytes() for worker in self.workers]
        return sum(log.count(b"partitions assigned") for log in logs)

    def wait_stored_more(self, what):
        stored = self.stored()
        wait_until(f"events are stored: {what}", lambda: self.stored() > stored + 20)

    def leave(self, worker):
        if self.rng.random() < 0.25:
            worker.kill()
        else:
            check(f"{worker.name} ends in good order", 0, worker.stop())

    @staticmethod
    def leave_together(workers):
        leaving = [worker for worker in workers if worker.runs()]
        for worker in leaving:
            worker.process.terminate()
        for worker in leaving:
            check(f"{worker.name} ends in good order", 0, worker.stop())

    def storm(self):
        """Each round one that runs goes, and those that went before come back."""
        for _ in range(ROUNDS):
            start, assigned = time.monotonic(), self.assignments()
            worker = self.rng.choice([worker for worker in self.workers if worker.runs()])
            for gone in self.workers:
                if not gone.runs():
                    gone.start()
            self.leave(worker)
            wait_until("partitions are assigned anew", lambda: self.assignments() > assigned)
            time.sleep(max(0, start + 2 - time.monotonic()))
        for worker in self.workers:
            if not worker.runs():
                worker.start()
        self.wait_stored_more("after the storm")

    def scale(self, count):
        self.leave_together(self.workers[count:])
        for worker in self.workers[:count]:
            if not worker.runs():
                worker.start()
        self.pipe.wait_ready(roles=self.workers[:count])
        self.wait_stored_more(f"{count} workers")
        print(f"{count} workers", flush=True)

    def race(self):
        """The heap is there before anybody works on it."""
        self.leave_together(self.workers)
        heap = [hot_event(self.rng, number) for number in range(HEAP)]
        self.pipe.emit(heap)
        for body in heap:
            self.ledger.note(body, "acked")
        start = time.monotonic()
        for worker in self.workers:
            worker.start()
        self.pipe.wait_stored(600)
        print(f"{HEAP} events about {HOT} jobs and tables by four workers in {time.monotonic() - start:.1f} s", flush=True)


def disturb(stage):
    start = time.monotonic()
    stage.storm()
    took_s = time.monotonic() - start
    print(f"{ROUNDS} rounds in {took_s:.0f} s: {stage.assignments()} assignments, {stage.stored()} stored", flush=True)
    for count in (1, 4, 2):
        stage.scale(count)
    stop_clients(stage.clients)
    stage.race()


def main():
    seed = int(os.environ.get("METAOPS_SEED", "1"))
    print(f"seed {seed}")
    with Pipeline("storm", 12, SETTINGS) as pipe:
        ledger = Ledger(pipe.folder / "ledger")
        stage = Stage(pipe, random.Random(seed), seed, ledger)
        disturb(stage)
        pipe.wait_ready()
        pipe.wait_stored()
        answers = sum((client.answers for client in stage.clients), start=type(stage.clients[0].answers)())
        check("every event was taken at once", (0, 0), (answers[503], answers[None]))
        check("good is taken and bad is refused", [], [each for client in stage.clients for each in client.wrong])
        for role in [*stage.gateways, *stage.workers]:
            check(f"I8 {role.name} lives", True, role.runs())
        compare(pipe, ledger)
        for worker in stage.workers:
            worker.stop()  # what a session counted is told at its end
        check("no deadlock", 0, pipe.value("select deadlocks from pg_stat_database where datname = current_database()"))
        graph = pipe.checksum()
        bodies = [body.encode() for (body,) in pipe.query("select metaops.event_body(event_id) from metaops.events")]
        with Pipeline("storm-calm", 3) as calm:
            calm.worker()
            calm.emit(bodies)
            calm.wait_stored()
            check("the graph is that of an undisturbed worker", calm.checksum(), graph)
        ledger.close()
    end()


main()
