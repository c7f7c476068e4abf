"""Every attack of attacks.py against a real gateway, then floods of them, beside a good client: each is answered as it
must be and its connection closed, what was smuggled in is never taken, the gateway lives within its memory, and the
good client hardly notices: its p99 stays within twice that of a calm time, or within twice that of another good
client at the same time, at a gateway beside it that nobody attacks. A busy machine may strike one of the two alone, so an
attack that seems to hurt comes again, a few times: what hurts does so each time.

METAOPS_TEST_SHORT, or a program with a sanitizer: the attacks alone, without the floods that take time."""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import zstandard

import floods
from attacks import CLOSED, KEPT, attacks
from avro_records import read_event
from checks import check, end
from neighbour import CONNECTIONS
from own_pipeline import Pipeline, metric, wait_until
from wire_client import LIMIT_S, answers, connect, send

HERE = pathlib.Path(__file__).parent
MIB = 1 << 20
RSS_MAX = 256 * MIB
P99_FLOOR_MS = 50
AT_ONCE = 4
TRIES = 5
# Sanitizers take memory and time of their own.
IS_SANITIZED = b"__asan_init" in pathlib.Path(os.environ["METAOPS_PROGRAM"]).read_bytes()
IS_SHORT = IS_SANITIZED or bool(os.environ.get("METAOPS_TEST_SHORT"))
CALM_S = 2 if IS_SHORT else 3
SETTINGS = {
    "METAOPS_INGEST_MEMORY_BYTES_MAX": "128MiB",
    "METAOPS_INGEST_HEAD_TIMEOUT_MS": "2000",
    "METAOPS_INGEST_BODY_TIMEOUT_MS": "30000" if IS_SANITIZED else "10000",
    "METAOPS_INGEST_IDLE_TIMEOUT_MS": "5000",
}


class Neighbour:
    """neighbour.py, and what it sees."""

    def __init__(self, address):
        self.process = subprocess.Popen([sys.executable, HERE / "neighbour.py", address], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
        self.samples = []  # (connection, when it was due, ms, status)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            who, at, ms, status = line.split()
            self.samples.append((int(who), float(at), float(ms), int(status)))

    def stop(self):
        self.process.stdin.close()
        self.reader.join()
        self.process.wait()

    def took_ms(self, begin, ends):
        """Of what was due between the two, once each connection is beyond it; sorted."""
        wait_until("the good client is served", lambda: len({who for who, at, _, _ in self.samples if at >= ends}) == CONNECTIONS)
        return sorted(ms for _, at, ms, _ in self.samples if begin <= at < ends)

    def p99_ms(self, begin, ends):
        took = self.took_ms(begin, ends)
        return took[min(len(took) - 1, len(took) * 99 // 100)] if took else 0.0


def peak_bytes(role):
    for line in pathlib.Path(f"/proc/{role.process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def attack(address, case):
    """-> what is wrong with the answers, None when nothing is"""
    number, name, expected, data, is_ended = case
    is_kept = expected[-1] == KEPT
    wanted = tuple(status for status in expected if status not in (KEPT, CLOSED))
    with connect(address) as sock:
        send(sock, data)
        if is_ended:
            sock.shutdown(1)
        statuses, is_closed, rest = answers(sock, len(wanted), is_head=data.startswith(b"HEAD "),
                                            quiet_s=0.05 if is_kept else LIMIT_S)
    if (statuses, is_closed, rest) != (wanted, not is_kept, b""):
        return f"{number} {name}: {statuses}{'' if is_closed else ' kept'} {rest[:60]!r}, expected {expected}"
    return None


def run_attacks(address, cases):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        wrong = [each for each in pool.map(lambda case: attack(address, case), cases) if each]
    print("\n".join(wrong))
    check(f"{len(cases)} attacks are answered as they must be", 0, len(wrong))


def kind_of(record):
    """Whose event it is: its job's namespace begins with that."""
    return namespace_of(record).split("-")[0]


def namespace_of(record):
    body = record["body"]
    if record["body_codec"] == "ZSTD":
        body = zstandard.ZstdDecompressor().decompress(body, max_output_size=record["body_bytes"])
    return json.loads(body, parse_int=str)["job"]["namespace"]


def check_taken(pipe, cases):
    """What is on Kafka, by another reader of Avro."""
    ids = {}
    numbers = set()
    for _, _, _, value in pipe.records(pipe.topic):
        record = read_event(value)
        if record["format"] == "openlineage":
            ids.setdefault(kind_of(record), set()).add(bytes(record["event_id"]))
            numbers.add(namespace_of(record))
    counts = {kind: len(each) for kind, each in ids.items()}
    print(f"on Kafka: {counts}")
    print(sorted(name for name in numbers if not name.startswith("neighbour")))
    check("nothing that was smuggled in was taken", 0, counts.pop("hidden", 0))
    check("what was acknowledged was taken", sum(expected.count(201) for _, _, expected, _, _ in cases),
          counts.pop("outer", 0) + counts.pop("second", 0))
    check("nothing else was taken", {"batch", "neighbour"}, set(counts) - {"flood"})


class Neighbours:
    """A good client of the gateway that is attacked, and one of the other."""

    def __init__(self, gateway, other):
        self.beside, self.elsewhere = [Neighbour(each.url.removeprefix("http://")) for each in (gateway, other)]
        begin = time.monotonic()
        time.sleep(CALM_S)
        ends = time.monotonic()
        self.calm_ms = max(each.p99_ms(begin, ends) for each in (self.beside, self.elsewhere))
        print(f"calm: p99 {self.calm_ms:.1f} ms", flush=True)

    def hardly_notice(self, name, flood):
        begin = time.monotonic()
        flood()
        ends = time.monotonic()
        p99_ms, elsewhere_ms = self.beside.p99_ms(begin, ends), self.elsewhere.p99_ms(begin, ends)
        print(f"{name:28}{ends - begin:5.1f} s, good client: p99 {p99_ms:7.1f} ms; at the other gateway {elsewhere_ms:7.1f} ms",
              flush=True)
        return IS_SANITIZED or p99_ms <= max(2 * self.calm_ms, 2 * elsewhere_ms, P99_FLOOR_MS)

    def judge(self, name, flood):
        check(f"the good client hardly notices: {name}", True, any(self.hardly_notice(name, flood) for _ in range(TRIES)))

    def stop(self):
        for each in (self.beside, self.elsewhere):
            each.stop()
        check("the good client is served", {201}, {status for _, _, _, status in self.beside.samples})


def disturb(gateway, other, cases):
    address = gateway.url.removeprefix("http://")
    neighbours = Neighbours(gateway, other)
    neighbours.judge("attacks", lambda: run_attacks(address, cases))
    for name, flood in [] if IS_SHORT else floods.FLOODS:
        neighbours.judge(name, lambda: flood(address))
        check(f"the gateway lives: {name}", True, gateway.runs())
    neighbours.stop()


def main():
    cases = list(attacks())
    with Pipeline("hostile-http", 3, SETTINGS) as pipe:
        gateway, worker, other = pipe.gateway(), pipe.worker(), pipe.gateway()
        pipe.wait_ready()
        disturb(gateway, other, cases)
        print(f"peak of the gateway {peak_bytes(gateway) / MIB:.0f} MiB")
        if not IS_SANITIZED:
            check("the gateway stays within its memory", True, peak_bytes(gateway) < RSS_MAX)
        pipe.wait_stored()
        check_taken(pipe, cases)
        check("both roles live", (True, True), (gateway.runs(), worker.runs()))
        check("no dead letters", 0, pipe.value("select count(*) from metaops.dead_letters"))
        check("nothing hidden is stored", 0, pipe.value("select count(*) from metaops.jobs where namespace like 'hidden%%'"))
        check("attacks are counted", True, metric(gateway.admin_url, "metaops_gateway_bad_http_total") > 0)
    end()


main()
