"""A disk fills up under load: PostgreSQL's for its WAL, then Kafka's for its log, at last the one with an emitter's
spool. PostgreSQL and the broker end when that happens, and are started again once there is room; gateway, worker and
emitter are not: they wait, say so, and go on by themselves. Nothing gets a 201, or a place in the spool, while nothing
can be kept, and what did is stored once.

METAOPS_SEED (default 1); METAOPS_TEST_SHORT: the emitter's disk alone."""

import errno
import os
import pathlib
import subprocess
import sys
import time

from checks import check, end
from ledger import Ledger, compare
from load import MIB, plain_event, sized_event, start_clients, stop_clients, wait_told_later
from library import EmitFailed, Emitter
from own_pipeline import HURRIED, ROOT, Pipeline, metric, wait_until

WORK = pathlib.Path(sys.argv[1])
HOLD_S = 5
LIMIT_MS = 120000
SETTINGS = {"METAOPS_WORKER_LANES": "2", "METAOPS_WORKER_BATCH_EVENTS_MAX": "60"}


class Disk:
    """A small file system that something else fills, to the last page."""

    def __init__(self, folder):
        self.ballast = folder / "ballast"

    def fill(self):
        with open(self.ballast, "ab", buffering=0) as file:
            for size in (MIB, 4096):
                try:
                    while file.write(bytes(size)):
                        pass
                except OSError as full:
                    if full.errno != errno.ENOSPC:
                        raise

    def free(self):
        self.ballast.unlink()


def is_running(name):
    """Whether that process of the stack runs: as compose/local knows it."""
    lines = subprocess.run([ROOT / "compose/local", "status"], capture_output=True, text=True).stdout.splitlines()
    return not any(line.split()[0] == name and "not running" in line for line in lines)


def start_again():
    subprocess.run([ROOT / "compose/local", "up"], check=True, stdout=subprocess.DEVNULL)


class Stage:
    def __init__(self, pipe, seed, ledger):
        self.pipe, self.ledger = pipe, ledger
        self.gateway, self.worker = pipe.gateway(**HURRIED), pipe.worker()
        pipe.wait_ready()
        self.address = self.gateway.url.removeprefix("http://")
        self.clients = start_clients(3, seed, self.address, ledger, pause_s=0.02, has_edges=True)

    def acked(self):
        return sum(client.acked for client in self.clients)

    def landed(self):
        return metric(self.worker.admin_url, 'metaops_worker_events_total{result="landed"}')

    def large_events(self, first, count):
        """Straight to Kafka, so that there is much to store."""
        bodies = [sized_event(number, 4 * MIB) for number in range(first, first + count)]
        self.pipe.emit(bodies)
        for body in bodies:
            self.ledger.note(body, "acked")

    def wal_full(self, disk):
        disk.fill()
        self.large_events(90000000, 16)
        wait_until("PostgreSQL ends, as it has no room", lambda: not is_running("postgres"))
        acked = self.acked()
        wait_until("WAL full: the gateway takes what Kafka keeps", lambda: self.acked() > acked)
        landed = self.landed()
        disk.free()
        start_again()
        start = time.monotonic()
        wait_until("events land again", lambda: self.landed() > landed)
        print(f"WAL full: events land {time.monotonic() - start:.1f} s after PostgreSQL is back", flush=True)

    def kafka_full(self, disk):
        disk.fill()
        wait_until("the broker ends, as it has no room", lambda: not is_running("kafka"))
        wait_told_later("Kafka's disk full", self.clients)
        acked = self.acked()
        time.sleep(HOLD_S)
        check("Kafka's disk full: nothing is acknowledged", acked, self.acked())
        disk.free()
        start_again()
        start = time.monotonic()
        wait_until("events are taken again", lambda: self.acked() > acked)
        print(f"Kafka's disk full: taken again {time.monotonic() - start:.1f} s after the broker is back", flush=True)


def spool_full(pipe, gateway, ledger, disk):
    """The gateway is away, so that all an emitter takes has to be kept."""
    gateway.kill()
    emitter = Emitter({"to": gateway.url, "spool": WORK / "spool/own", "emitter": "full", "retry_ms_max": 500})
    said = []

    def emit(number):
        body = plain_event(80000000 + number)
        try:
            emitter.emit(body)
            ledger.note(body, "acked")
            return True
        except EmitFailed as failed:
            said.append(str(failed))
            ledger.note(body, "refused")
            return False

    check("spool: taken while there is room", 200, sum(emit(number) for number in range(200)))
    disk.fill()
    taken = sum(emit(number) for number in range(200, 600))
    check("spool full: no more is taken than the last page holds", True, taken < 20)
    check("spool full: the reason is said", True, bool(said) and "No space left" in said[-1])
    disk.free()
    check("spool: taken again once there is room", 200, sum(emit(number) for number in range(600, 800)))
    disk.fill()
    gateway.start()
    check("spool full: what is in it is shipped all the same", True, emitter.flush(LIMIT_MS))
    disk.free()
    check("spool: taken at the end", True, emit(800))
    check("spool: all is shipped", True, emitter.close(LIMIT_MS))
    pipe.wait_ready()
    pipe.wait_stored()
    lost = pipe.value("select coalesce(sum(to_seq - from_seq + 1), 0)::int from metaops.gaps"
                      " where emitter = 'full' and reason = 'not spooled'")
    check("spool: the numbers that were not taken are gaps", len(said), lost)


def no_room_at_all(disk):
    """An emitter that finds its disk full says so at open, or with its first event."""
    disk.fill()
    try:
        emitter = Emitter({"to": "http://127.0.0.1:1", "spool": WORK / "spool/other", "emitter": "late"})
        try:
            emitter.emit(plain_event(1))
            check("no room at all: not taken", True, False)
        finally:
            emitter.close(0)
    except EmitFailed as failed:
        check("no room at all: the reason is said", True, "No space left" in str(failed))
    disk.free()


def main():
    seed = int(os.environ.get("METAOPS_SEED", "1"))
    print(f"seed {seed}")
    with Pipeline("full", 4, SETTINGS) as pipe:
        ledger = Ledger(pipe.folder / "ledger")
        if os.environ.get("METAOPS_TEST_SHORT"):
            gateway = pipe.gateway()
            pipe.worker()
            pipe.wait_ready()
        else:
            stage = Stage(pipe, seed, ledger)
            roles = {role.name: role.process.pid for role in pipe.roles}
            wait_until("there is load", lambda: stage.landed() > 100)
            stage.wal_full(Disk(WORK / "wal"))
            stage.kafka_full(Disk(pathlib.Path(os.environ["METAOPS_LOCAL_DIR"], "kafka")))
            stop_clients(stage.clients)
            pipe.wait_ready()
            pipe.wait_stored()
            check("good is taken and bad is refused", [], [each for client in stage.clients for each in client.wrong])
            check("I8 no role of ours was started again", roles,
                  {role.name: role.process.pid for role in pipe.roles if role.runs()})
            gateway = stage.gateway
        spool_full(pipe, gateway, ledger, Disk(WORK / "spool"))
        no_room_at_all(Disk(WORK / "spool"))
        compare(pipe, ledger)
        ledger.close()
    end()


main()
