"""load - clients that post without pause and keep a ledger: a fifth of what is acknowledged is sent again, one
in a hundred is poison, real and random events among the plain ones, and bodies of sizes around each limit."""

import collections
import http.client
import json
import random
import threading
import time

from own_pipeline import test_events, wait_until
from small_world import events

KIB, MIB = 1 << 10, 1 << 20
BODY_BYTES_MAX = 32 * MIB
ANSWER_S_MAX = 60  # a gateway says "later" by itself, and long before
EDGES = [edge + step for edge in (16 * KIB, 64 * KIB, 1000000, MIB, 4 * MIB) for step in (-1, 0, 1)]
LARGE_EDGES = [BODY_BYTES_MAX - 1, BODY_BYTES_MAX, BODY_BYTES_MAX + 1]  # the last is refused
BAD_BODIES = [b"", b"{", b"[]", b"null", b'{"eventTime":"yesterday"}', b"\xff\xfe", b'{"run":{"runId":"x"}}', b'{"a":1}']


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


def sized_event(number, size):
    """Exactly size bytes; what fills it compresses badly."""
    head = plain_event(number)[:-1] + b', "fill": "'
    room = size - len(head) - 2
    return head + random.Random(number).randbytes(room // 2 + 1).hex().encode()[:room] + b'"}'


class Client(threading.Thread):
    """Posts until it is told to stop. Most events are sent again until they are acknowledged, some are
    given up after one try, and a fifth is sent once more although it was acknowledged."""

    def __init__(self, number, seed, address, ledger, pause_s=0.004, has_edges=False, has_large_edges=False):
        super().__init__(daemon=True)
        self.rng = random.Random(seed * 100 + number)
        self.address = address
        self.number = number
        self.ledger = ledger
        self.pause_s = pause_s
        self.odd = self.rng.sample(test_events(), 40) + events(self.rng, 60)
        self.sizes = (EDGES if has_edges else []) + (LARGE_EDGES if has_large_edges else [])
        self.rng.shuffle(self.sizes)
        self.wrong = []
        self.acked = 0
        self.answers = collections.Counter()  # by status; None: no answer
        self.slowest_s = 0.0
        self.is_over = threading.Event()
        self.connection = None

    def one_post(self, body):
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.address, timeout=ANSWER_S_MAX)
            self.connection.request("POST", "/api/v1/lineage", body)
            answer = self.connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            if self.connection:
                self.connection.close()
            self.connection = None
            return None

    def try_once(self, body, is_bad):
        """True when there is nothing more to do."""
        start = time.monotonic()
        status = self.one_post(body)
        self.answers[status] += 1
        self.slowest_s = max(self.slowest_s, time.monotonic() - start)
        if status == 201:
            self.ledger.note(body, "acked")
            self.acked += 1
        elif status in (None, 503):
            self.ledger.note(body, "unknown")
            return False
        else:
            self.ledger.note(body, "refused")
        if is_bad != (status != 201):
            self.wrong.append((status, body[:200]))
        return True

    def deliver(self, body, is_bad=False):
        tries = 1 if self.rng.random() < 0.05 else 1000
        while tries > 0 and not self.is_over.is_set():
            if self.try_once(body, is_bad):
                return
            tries -= 1
            time.sleep(0.05)

    def next_body(self, count):
        if self.sizes and self.rng.random() < 0.02:
            return sized_event(self.number * 1000000 + 900000 + len(self.sizes), self.sizes.pop())
        if self.odd and self.rng.random() < 0.03:
            return self.odd.pop()
        return plain_event(self.number * 1000000 + count)

    def run(self):
        count = 0
        while not self.is_over.is_set():
            if self.rng.random() < 0.01:
                self.deliver(self.rng.choice(BAD_BODIES), is_bad=True)
            body = self.next_body(count)
            count += 1
            self.deliver(body, is_bad=len(body) > BODY_BYTES_MAX)
            if self.rng.random() < 0.2:
                self.deliver(body, is_bad=len(body) > BODY_BYTES_MAX)
            time.sleep(self.pause_s)


def garbage(rng, pipe, ledger, count):
    """Poison straight to Kafka: what no decoder can read."""
    values = [rng.choice([rng.randbytes(rng.randrange(1, 300)), b"\xc3\x01" + rng.randbytes(rng.randrange(40)),
                          b"\x00" + rng.randbytes(rng.randrange(40))]) for _ in range(count)]
    pipe.produce(pipe.topic, [(None, b"%d" % number, value) for number, value in enumerate(values)])
    for value in values:
        ledger.note(value, "poison")


def start_clients(count, seed, address, ledger, first=0, **options):
    """Numbered from first on: clients of one number and seed post the same events."""
    clients = [Client(number, seed, address, ledger, **options) for number in range(first, first + count)]
    for client in clients:
        client.start()
    return clients


def stop_clients(clients):
    for client in clients:
        client.is_over.set()
    for client in clients:
        client.join()


def wait_told_later(what, clients, times=2):
    """Until each of them was told to come later, the second time for a request that it began after this."""
    before = [client.answers[503] for client in clients]
    wait_until(f"{what}: clients are told to come later", lambda: all(
        client.answers[503] >= count + times for client, count in zip(clients, before)))
