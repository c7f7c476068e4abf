"""Clients post without pause while a seeded hand kills gateways and workers, stops them for longer than
their session, ends the database's connections, holds locks, stops PostgreSQL at once and kills the
broker, each at least once. Afterwards every acknowledged event is stored exactly once with its bytes,
nothing is stored that nobody sent, and the graph is the one that an undisturbed worker makes of the
same events.

METAOPS_SEED (default 1), METAOPS_FAULT_SECONDS (default 40)."""

import os
import pathlib
import random
import signal
import subprocess
import time

from checks import check, end
from ledger import Ledger, compare
from load import garbage, start_clients, stop_clients
from own_pipeline import ROOT, Pipeline, query, role_dsn

CLIENTS = 4
SETTINGS = {
    "METAOPS_WORKER_SESSION_TIMEOUT_MS": "6000",
    "METAOPS_WORKER_BATCH_EVENTS_MAX": "60",
    "METAOPS_WORKER_LANES": "2",
}


class Hand:
    def __init__(self, pipe, rng):
        self.pipe = pipe
        self.rng = rng
        self.gateway = pipe.gateway()
        self.workers = [pipe.worker(1), pipe.worker(2)]

    def kill_gateway(self):
        self.gateway.kill()
        self.gateway.start()

    def kill_worker(self):
        worker = self.rng.choice(self.workers)
        worker.kill()
        time.sleep(self.rng.choice([0, 0, 1]))
        worker.start()

    def kill_both_workers(self):
        for worker in self.workers:
            worker.kill()
        for worker in self.workers:
            worker.start()

    def stop_worker(self):
        worker = self.rng.choice(self.workers)
        check("a worker ends in good order", 0, worker.stop())
        worker.start()

    def freeze_worker(self):
        """Longer than its session: another one takes its partitions, then it wakes up as a zombie."""
        worker = self.rng.choice(self.workers)
        worker.process.send_signal(signal.SIGSTOP)
        time.sleep(8)
        worker.process.send_signal(signal.SIGCONT)

    def end_connections(self):
        query(role_dsn("writer", self.pipe.database), "select pg_terminate_backend(pid) from pg_stat_activity"
              " where datname = %s and application_name like 'metaops%%'", self.pipe.database)

    def hold_lock(self):
        """Long enough that lanes fill up and are paused."""
        self.pipe.query("begin; lock table graph.event_ids in access exclusive mode; select pg_sleep(3); commit")

    def stop_postgres(self):
        self.end_process("postgres", signal.SIGQUIT)

    def kill_broker(self):
        self.end_process("kafka", signal.SIGKILL)

    def end_process(self, name, how):
        file = pathlib.Path(os.environ["METAOPS_LOCAL_DIR"], "run", f"{name}.pid")
        os.kill(int(file.read_text().split()[0]), how)
        time.sleep(self.rng.choice([0.5, 2]))
        subprocess.run([ROOT / "compose/local", "up"], check=True, stdout=subprocess.DEVNULL)

    def act(self, name):
        for role in [self.gateway, *self.workers]:
            check(f"{role.name} lives before {name}", True, role.runs())
        start = time.monotonic()
        getattr(self, name)()
        print(f"{name} took {time.monotonic() - start:.1f} s", flush=True)


FAULTS = ["kill_gateway", "kill_worker", "kill_both_workers", "stop_worker", "freeze_worker",
          "end_connections", "hold_lock", "stop_postgres", "kill_broker"]  # fmt: skip


def disturb(pipe, rng, seed, seconds, ledger):
    hand = Hand(pipe, rng)
    pipe.wait_ready()
    clients = start_clients(CLIENTS, seed, hand.gateway.url.removeprefix("http://"), ledger, has_edges=True)
    faults = rng.sample(FAULTS, len(FAULTS))
    end_at = time.monotonic() + seconds
    while faults or time.monotonic() < end_at:
        time.sleep(rng.uniform(0.3, 2))
        garbage(rng, pipe, ledger, 3)
        hand.act(faults.pop() if faults else rng.choice(FAULTS[:-2]))
    time.sleep(1)
    stop_clients(clients)
    pipe.wait_ready(60)
    return hand, clients


def main():
    seed = int(os.environ.get("METAOPS_SEED", "1"))
    rng = random.Random(seed)
    print(f"seed {seed}")
    with Pipeline("fault", 6, SETTINGS) as pipe:
        ledger = Ledger(pipe.folder / "ledger")
        hand, clients = disturb(pipe, rng, seed, float(os.environ.get("METAOPS_FAULT_SECONDS", "40")), ledger)
        pipe.wait_stored(60)
        check("good is taken and bad is refused", [], [each for client in clients for each in client.wrong])
        check("there was load", True, sum(client.acked for client in clients) > 1000)
        compare(pipe, ledger)
        for role in [hand.gateway, *hand.workers]:
            check(f"I8 {role.name} lives", True, role.runs())
        disturbed = pipe.checksum()
        bodies = [body.encode() for (body,) in pipe.query("select metaops.event_body(event_id) from metaops.events")]
        with Pipeline("fault-calm", 3) as calm:
            calm.worker()
            calm.emit(bodies)
            calm.wait_stored()
            check("the graph is that of an undisturbed worker", calm.checksum(), disturbed)
        ledger.close()
    end()


main()
