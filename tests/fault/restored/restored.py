"""A physical copy of PostgreSQL is taken under load, events go on, and the copy is put back: while the workers run
and nothing comes in, while they are stopped, while clients post. Each time the workers read again from Kafka
what the copy lacks, by themselves, and the graph is the one there was.

METAOPS_SEED (default 1)."""

import os
import random

from checks import check, end
from ledger import Ledger, compare
from load import garbage, start_clients, stop_clients
from own_pipeline import Pipeline, wait_until
from private_postgres import PrivatePostgres

CLIENTS = 3
SETTINGS = {"METAOPS_WORKER_SESSION_TIMEOUT_MS": "6000", "METAOPS_WORKER_BATCH_EVENTS_MAX": "60", "METAOPS_WORKER_LANES": "2"}
EVENTS = 1000


class Stage:
    def __init__(self, pipe, server, rng, seed, ledger):
        self.pipe, self.server, self.rng, self.ledger = pipe, server, rng, ledger
        self.seed = seed
        self.copy = server.folder / "copy"
        self.gateway = pipe.gateway()
        self.workers = [pipe.worker(1), pipe.worker(2)]
        self.clients = []
        pipe.wait_ready()

    def start_load(self):
        address = self.gateway.url.removeprefix("http://")
        self.clients += start_clients(CLIENTS, self.seed, address, self.ledger, first=len(self.clients))
        self.garbage()

    def garbage(self):
        garbage(self.rng, self.pipe, self.ledger, 5)

    def wait_load(self, events=EVENTS):
        before = self.acked()
        wait_until("events are acknowledged", lambda: self.acked() >= before + events)

    def acked(self):
        return sum(client.acked for client in self.clients)

    def stored(self):
        return self.pipe.value("select count(*) from metaops.events")

    def put_back(self):
        before = self.stored()
        self.server.put_back(self.copy)
        print(f"{before} events stored; in the copy {self.stored()} at once after its start", flush=True)
        return before

    def settle(self):
        stop_clients(self.clients)
        self.pipe.wait_ready()
        self.pipe.wait_stored()

    def nothing_comes_in(self):
        graph = self.pipe.checksum()
        before = self.put_back()
        self.pipe.wait_stored()
        check("workers without a task: what the copy lacks comes back", before, self.stored())
        check("workers without a task: the graph is the one there was", graph, self.pipe.checksum())

    def workers_are_stopped(self):
        graph = self.pipe.checksum()
        for worker in self.workers:
            check(f"{worker.name} ends in good order", 0, worker.stop())
        before = self.put_back()
        check("the copy lacks events", True, self.stored() < before)
        for worker in self.workers:
            worker.start()
        self.pipe.wait_stored()
        check("workers stopped: what the copy lacks comes back", before, self.stored())
        check("workers stopped: the graph is the one there was", graph, self.pipe.checksum())

    def clients_post(self):
        self.start_load()
        self.wait_load()
        self.put_back()
        self.garbage()
        self.wait_load()
        self.settle()


def run(pipe, server, seed):
    ledger = Ledger(pipe.folder / "ledger")
    stage = Stage(pipe, server, random.Random(seed), seed, ledger)
    stage.start_load()
    stage.wait_load()
    server.copy(stage.copy)
    stage.garbage()
    stage.wait_load()
    stage.settle()
    stage.nothing_comes_in()
    stage.workers_are_stopped()
    stage.clients_post()
    check("good is taken and bad is refused", [], [each for client in stage.clients for each in client.wrong])
    for role in [stage.gateway, *stage.workers]:
        check(f"I8 {role.name} lives", True, role.runs())
    compare(pipe, ledger)
    ledger.close()
    graph = pipe.checksum()
    bodies = [body.encode() for (body,) in pipe.query("select metaops.event_body(event_id) from metaops.events")]
    with Pipeline("restored-calm", 3) as calm:
        calm.worker()
        calm.emit(bodies)
        calm.wait_stored()
        check("the graph is that of an undisturbed worker", calm.checksum(), graph)


def main():
    seed = int(os.environ.get("METAOPS_SEED", "1"))
    print(f"seed {seed}")
    with PrivatePostgres() as server:
        os.environ["METAOPS_DSN"] = server.dsn("metaops_owner")
        with Pipeline("restored", 6, SETTINGS) as pipe:
            run(pipe, server, seed)
    end()


main()
