"""Every attack of attacks.py against a real gateway, then floods of them, beside a good client: each is answered as it
must be and its connection closed, what was smuggled in is never taken, the gateway lives within its memory, and the
good client hardly notices: its p99 stays within twice that of a calm time, or within twice that of another good
client at the same time, at a gateway beside it that nobody attacks (so that a busy machine is not taken for an
attack that hurts).

METAOPS_TEST_SHORT, or a program with a sanitizer: the attacks alone, without the floods that take time."""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import time

import zstandard

import floods
from attacks import CLOSED, KEPT, attacks
from avro_records import read_event
from checks import check, end
from own_pipeline import Pipeline, metric
from wire_client import answers, connect, send

HERE = pathlib.Path(__file__).parent
MIB = 1 << 20
RSS_MAX = 256 * MIB
P99_FLOOR_MS = 50
AT_ONCE = 4
# Sanitizers take memory and time of their own.
IS_SANITIZED = b"__asan_init" in pathlib.Path(os.environ["METAOPS_PROGRAM"]).read_bytes()
IS_SHORT = IS_SANITIZED or bool(os.environ.get("METAOPS_TEST_SHORT"))
CALM_S = 2 if IS_SHORT else 3
SETTINGS = {
    "METAOPS_INGEST_MEMORY_BYTES_MAX": "128MiB",
    "METAOPS_INGEST_HEAD_TIMEOUT_MS": "2000",
    "METAOPS_INGEST_BODY_TIMEOUT_MS": "30000" if IS_SANITIZED else "3000",
    "METAOPS_INGEST_IDLE_TIMEOUT_MS": "5000",
}


class Neighbour:
    """neighbour.py, and what it saw in the phases that it lived through."""

    def __init__(self, address):
        self.process = subprocess.Popen([sys.executable, HERE / "neighbour.py", address], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
        self.samples = []

    def stop(self):
        text, _ = self.process.communicate("")
        self.samples = [(float(at), float(ms), int(status)) for at, ms, status in map(str.split, text.splitlines())]

    def p99_ms(self, begin, ends):
        took = sorted(ms for at, ms, _ in self.samples if begin <= at < ends)
        return took[min(len(took) - 1, len(took) * 99 // 100)] if took else 0.0

    def count(self, begin, ends):
        return sum(begin <= at < ends for at, _, _ in self.samples)


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
        statuses, is_closed, rest = answers(sock, len(wanted), is_head=data.startswith(b"HEAD "), quiet_s=0.05)
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


def check_latency(neighbour, control, phases):
    calm_ms = max(each.p99_ms(phases[0][1], phases[1][1]) for each in (neighbour, control))
    for (name, begin), (_, ends) in zip(phases, phases[1:]):
        p99_ms, beside_ms = neighbour.p99_ms(begin, ends), control.p99_ms(begin, ends)
        print(f"{name:28}{ends - begin:5.1f} s, good client: {neighbour.count(begin, ends):4} events, p99 {p99_ms:7.1f} ms;"
              f" at the other gateway {beside_ms:7.1f} ms")
        if not IS_SANITIZED:
            check(f"the good client hardly notices: {name}", True, p99_ms <= max(2 * calm_ms, 2 * beside_ms, P99_FLOOR_MS))
    check("the good client is served", {201}, {status for _, _, status in neighbour.samples})


def disturb(gateway, cases):
    """-> [(name of the phase, when it began)]"""
    address = gateway.url.removeprefix("http://")
    phases = [("calm", time.monotonic())]
    time.sleep(CALM_S)
    phases.append(("attacks", time.monotonic()))
    run_attacks(address, cases)
    for name, flood in [] if IS_SHORT else floods.FLOODS:
        phases.append((name, time.monotonic()))
        flood(address)
        check(f"the gateway lives: {name}", True, gateway.runs())
    return [*phases, ("end", time.monotonic())]


def main():
    cases = list(attacks())
    with Pipeline("hostile-http", 3, SETTINGS) as pipe:
        gateway, worker, other = pipe.gateway(), pipe.worker(), pipe.gateway()
        pipe.wait_ready()
        neighbours = [Neighbour(each.url.removeprefix("http://")) for each in (gateway, other)]
        time.sleep(0.5)
        phases = disturb(gateway, cases)
        for each in neighbours:
            each.stop()
        check_latency(*neighbours, phases)
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
