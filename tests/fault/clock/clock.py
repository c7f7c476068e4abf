"""The wall clocks of a gateway and a worker jump under load, by an hour and a day forth and back, together and apart.
Events go on being taken and stored, half a head is still thrown out in time, and with the broker frozen during a jump
clients get their 503 before it wakes. Afterwards ledger and store agree, the audit chains hold, and the graph is that of a
worker whose clock was right.

libfaketime answers what is read of the wall clock, anew at each call; the monotonic clock is left alone, as it is when
an administrator sets the time. librdkafka waits for points of the wall clock: one that it reads while the clock is
wrong lies as far away as one it had read before a real clock was set back.

METAOPS_SEED (default 1)."""

import concurrent.futures
import os
import pathlib
import random
import signal
import socket
import sys
import time

from checks import check, end
from ledger import Ledger, compare
from load import start_clients, stop_clients, wait_told_later
from own_pipeline import HURRIED, LIMIT_S, Pipeline, metric, wait_until

HOUR = 3600
JUMPS = [HOUR, 0, -HOUR, HOUR, 24 * HOUR, -24 * HOUR, -600, 0]
HEAD_TIMEOUT_S = 2
SETTINGS = {"METAOPS_WORKER_LANES": "2", "METAOPS_INGEST_HEAD_TIMEOUT_MS": str(HEAD_TIMEOUT_S * 1000)}


def until_closed(connection, begun):
    """Seconds from begun until the other side has closed it."""
    while connection.recv(4096):
        pass
    return time.monotonic() - begun


class Clock:
    """The wall clock of one role."""

    def __init__(self, pipe, name):
        self.file = pipe.folder / f"{name}.clock"
        self.environment = {"LD_PRELOAD": sys.argv[1], "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
                            "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        self.set(0)

    def set(self, seconds):
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.rename(self.file)


class Stage:
    def __init__(self, pipe, seed, ledger):
        self.clocks = [Clock(pipe, "gateway"), Clock(pipe, "worker")]
        self.gateway = pipe.gateway(**HURRIED, **self.clocks[0].environment)
        self.worker = pipe.worker(**self.clocks[1].environment)
        pipe.wait_ready()
        host, port = self.gateway.url.removeprefix("http://").split(":")
        self.address = (host, int(port))
        self.clients = start_clients(3, seed, f"{host}:{port}", ledger, pause_s=0.01)

    def acked(self):
        return sum(client.acked for client in self.clients)

    def landed(self):
        return metric(self.worker.admin_url, 'metaops_worker_events_total{result="landed"}')

    def jump(self, clocks, seconds):
        """While half a head waits at the gateway. By the clock it would be thrown out at once, or after 10 minutes."""
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor() as pool, socket.create_connection(self.address, LIMIT_S) as half:
            half.sendall(b"POST /api/v1/lineage HTTP/1.1\r\nHo")
            gone_after = pool.submit(until_closed, half, begun)
            for clock in clocks:
                clock.set(seconds)
            acked, landed = self.acked(), self.landed()
            wait_until("events are taken after a jump", lambda: self.acked() > acked + 5)
            wait_until("events land after a jump", lambda: self.landed() > landed + 5)
            moves = time.monotonic() - begun
            closed = gone_after.result()
        check(f"half a head is not thrown out before its time ({closed:.1f} s)", True, closed > HEAD_TIMEOUT_S / 2)
        return moves

    def frozen_broker(self, seconds):
        """The clock goes back while answers are waited for."""
        broker = int(pathlib.Path(os.environ["METAOPS_LOCAL_DIR"], "run", "kafka.pid").read_text().split()[0])
        for client in self.clients:
            client.slowest_s = 0
        os.kill(broker, signal.SIGSTOP)
        try:
            time.sleep(1)
            for clock in self.clocks:
                clock.set(seconds)
            wait_told_later("broker frozen", self.clients)
        finally:
            os.kill(broker, signal.SIGCONT)
        print(f"broker frozen: the slowest answer took {max(client.slowest_s for client in self.clients):.1f} s", flush=True)


def main():
    seed = int(os.environ.get("METAOPS_SEED", "1"))
    rng = random.Random(seed)
    print(f"seed {seed}")
    jumps = rng.sample(JUMPS, len(JUMPS))
    with Pipeline("clock", 4, SETTINGS) as pipe:
        ledger = Ledger(pipe.folder / "ledger")
        stage = Stage(pipe, seed, ledger)
        for seconds in jumps:
            clocks = rng.choice([stage.clocks, stage.clocks[:1], stage.clocks[1:]])
            which = " and ".join(clock.file.stem for clock in clocks)
            print(f"{which} at {seconds:+d} s: both move within {stage.jump(clocks, seconds):.1f} s", flush=True)
        stage.frozen_broker(-2 * HOUR)
        acked = stage.acked()
        wait_until("events are taken again", lambda: stage.acked() > acked + 5)
        stage.jump(stage.clocks, 0)
        stop_clients(stage.clients)
        pipe.wait_ready()
        pipe.wait_stored()
        check("good is taken and bad is refused", [], [each for client in stage.clients for each in client.wrong])
        for role in (stage.gateway, stage.worker):
            check(f"I8 {role.name} lives", True, role.runs())
            check(f"{role.name} stops in good order", 0, role.stop())
        compare(pipe, ledger)
        pipe.run("audit", "verify")
        disturbed = pipe.checksum()
        bodies = [body.encode() for (body,) in pipe.query("select metaops.event_body(event_id) from metaops.events")]
        with Pipeline("clock-right", 3) as right:
            right.worker()
            right.emit(bodies)
            right.wait_stored()
            check("the graph is that of a clock that was right", right.checksum(), disturbed)
        ledger.close()
    end()


main()
