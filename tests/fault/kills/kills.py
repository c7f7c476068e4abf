"""Clients post without pause while a seeded hand kills gateways and workers, stops them for longer than
their session, ends the database's connections, holds locks, stops PostgreSQL at once and kills the
broker, each at least once. Afterwards every acknowledged event is stored exactly once with its bytes,
nothing is stored that nobody sent, and the graph is the one that an undisturbed worker makes of the
same events.

METAOPS_SEED (default 1), METAOPS_FAULT_SECONDS (default 40)."""

import hashlib
import http.client
import json
import os
import pathlib
import random
import signal
import subprocess
import threading
import time

from checks import check, end
from own_pipeline import ROOT, Pipeline, query, test_events, wait_until
from small_world import events

CLIENTS = 4
SETTINGS = {
    "METAOPS_WORKER_SESSION_TIMEOUT_MS": "6000",
    "METAOPS_WORKER_BATCH_EVENTS_MAX": "60",
    "METAOPS_WORKER_LANES": "2",
}


def plain_event(number):
    run, job = number // 2, number // 2 % 80
    return json.dumps({
        "eventTime": f"2026-03-{1 + run % 28:02}T{run % 24:02}:{'10' if number % 2 else '00'}:00Z",
        "eventType": "COMPLETE" if number % 2 else "START",
        "run": {"runId": f"0190a0a0-0000-7000-8000-{run:012x}"},
        "job": {"namespace": "fault", "name": f"job-{job}"},
        "inputs": [{"namespace": "fault", "name": f"table-{job}"}],
        "outputs": [{"namespace": "fault", "name": f"table-{(job * 7 + 1) % 80}"}],
    }).encode()


class Client(threading.Thread):
    """Posts until it is told to stop. Most events are sent again until they are acknowledged, some are
    given up after one try, some are sent once more although they were acknowledged."""

    def __init__(self, number, seed, url):
        super().__init__(daemon=True)
        self.rng = random.Random(seed * 100 + number)
        self.url = url
        self.number = number
        self.odd = self.rng.sample(test_events(), 40) + events(self.rng, 60)
        self.sent, self.acknowledged, self.refused = set(), set(), []
        self.is_over = threading.Event()
        self.connection = None

    def one_post(self, body):
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.url, timeout=6)
            self.connection.request("POST", "/api/v1/lineage", body)
            answer = self.connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            if self.connection:
                self.connection.close()
            self.connection = None
            return None

    def deliver(self, body):
        number = hashlib.sha256(body).digest()[:16]
        self.sent.add(number)
        tries = 1 if self.rng.random() < 0.05 else 1000
        while tries > 0 and not self.is_over.is_set():
            status = self.one_post(body)
            if status == 201:
                self.acknowledged.add(number)
                return
            if status not in (None, 503):
                self.refused.append((status, body))
                return
            tries -= 1
            time.sleep(0.05)

    def run(self):
        count = 0
        while not self.is_over.is_set():
            if self.rng.random() < 0.03 and self.odd:
                body = self.odd.pop()
            else:
                body = plain_event(self.number * 1000000 + count)
                count += 1
            self.deliver(body)
            if self.rng.random() < 0.1:
                self.deliver(body)
            time.sleep(0.004)


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
        query(os.environ["METAOPS_DSN"], "select pg_terminate_backend(pid) from pg_stat_activity"
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


def disturb(pipe, rng, seed, seconds):
    hand = Hand(pipe, rng)
    pipe.wait_ready()
    url = hand.gateway.url.removeprefix("http://")
    clients = [Client(number, seed, url) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    faults = rng.sample(FAULTS, len(FAULTS))
    end_at = time.monotonic() + seconds
    while faults or time.monotonic() < end_at:
        time.sleep(rng.uniform(0.3, 2))
        hand.act(faults.pop() if faults else rng.choice(FAULTS[:-2]))
    time.sleep(1)
    for client in clients:
        client.is_over.set()
    for client in clients:
        client.join(20)
    pipe.wait_ready(60)
    return hand, clients


def main():
    seed = int(os.environ.get("METAOPS_SEED", "1"))
    rng = random.Random(seed)
    print(f"seed {seed}")
    with Pipeline("fault", 6, SETTINGS) as pipe:
        hand, clients = disturb(pipe, rng, seed, float(os.environ.get("METAOPS_FAULT_SECONDS", "40")))
        sent = set().union(*(client.sent for client in clients))
        acknowledged = set().union(*(client.acknowledged for client in clients))
        check("nothing is refused", [], [each for client in clients for each in client.refused])
        pipe.wait_stored(60)
        stored = [number.bytes for (number,) in pipe.query("select event_id from metaops.events")]
        print(f"{len(sent)} sent, {len(acknowledged)} acknowledged, {len(stored)} stored,"
              f" {sum(pipe.ends().values())} records")
        check("there was load", True, len(acknowledged) > 1000)
        check("every acknowledged event is stored", 0, len(acknowledged - set(stored)))
        check("none twice", 0, len(stored) - len(set(stored)))
        check("none that nobody sent", 0, len(set(stored) - sent))
        check("no dead letters", 0, pipe.value("select count(*) from metaops.dead_letters"))
        check("bodies are what was sent", [], pipe.broken_bodies())
        check("no partition is stopped", [], pipe.query("select * from metaops.offsets where stopped_reason is not null"))
        for role in [hand.gateway, *hand.workers]:
            check(f"{role.name} lives", True, role.runs())
        disturbed = pipe.checksum()
        bodies = [body.encode() for (body,) in pipe.query("select metaops.event_body(event_id) from metaops.events")]
        with Pipeline("fault-calm", 3) as calm:
            calm.worker()
            calm.emit(bodies)
            calm.wait_stored()
            check("the graph is that of an undisturbed worker", calm.checksum(), disturbed)
    end()


main()
