"""ledger - what was sent and what was answered, on disk before anybody relies on it; and the comparison
of that with what is stored, exactly.

A line each: event id, SHA-256 of the body, outcome. Outcomes: acked (201), refused (4xx), unknown (no
answer, or one that says "later"). An id may have several lines; acked beats refused beats unknown.
Records that went straight to Kafka are acked when the broker has them, and marked poison when they are to
become dead letters. Lines are written at once and synced together, a hundred times a second."""

import hashlib
import os
import threading
import time

from avro_records import read_body
from checks import check

SYNC_S = 0.01
RANK = {"unknown": 0, "refused": 1, "acked": 2, "poison": 3}


def event_id(body):
    return hashlib.sha256(body).digest()[:16]


class Ledger:
    def __init__(self, path):
        self.file = open(path, "ab", buffering=0)
        self.lock = threading.Lock()
        self.outcomes = {}
        self.digests = {}
        self.is_dirty = False
        self.is_over = False
        self.writer = threading.Thread(target=self.sync, daemon=True)
        self.writer.start()

    def sync(self):
        while not self.is_over:
            time.sleep(SYNC_S)
            if self.is_dirty:
                self.is_dirty = False
                os.fdatasync(self.file.fileno())

    def note(self, body, outcome):
        digest = hashlib.sha256(body).digest()
        number = digest[:16]
        with self.lock:
            self.file.write(f"{number.hex()} {digest.hex()} {outcome}\n".encode())
            self.digests[number] = digest
            before = self.outcomes.get(number, "unknown")
            self.outcomes[number] = max(before, outcome, key=RANK.get)
        self.is_dirty = True

    def of(self, *outcomes):
        with self.lock:
            return {number for number, outcome in self.outcomes.items() if outcome in outcomes}

    def close(self):
        self.is_over = True
        self.writer.join()
        os.fdatasync(self.file.fileno())
        self.file.close()


def stored_events(pipe):
    """[(id, SHA-256 of the stored body)] - every row, also a second one of the same id."""
    rows = pipe.query("select event_id, sha256(convert_to(metaops.event_body(event_id), 'UTF8')) from metaops.events")
    return [(number.bytes, bytes(digest)) for number, digest in rows]


def places(pipe, numbers):
    """Where on the topic these events are: lost there, or behind it."""
    found = {event_id(read_body(value)): (partition, offset) for partition, offset, _, value in pipe.records(pipe.topic)}
    return {number.hex(): found.get(number, "not on the topic") for number in numbers}


def compare(pipe, ledger):
    """The invariants: conservation, uniqueness, no invention, positions at the ends."""
    rows = stored_events(pipe)
    stored = {number for number, _ in rows}
    letters = [bytes(number.bytes) for (number,) in pipe.query("select letter_id from metaops.dead_letters")]
    acked, poison = ledger.of("acked"), ledger.of("poison")
    print(f"{len(ledger.outcomes)} sent: {len(acked)} acked, {len(ledger.of('refused'))} refused, "
          f"{len(ledger.of('unknown'))} unknown, {len(poison)} poison; {len(rows)} stored, {len(letters)} dead letters")
    lost = acked - stored - set(letters)
    check("I1 every acknowledged event is stored or a dead letter", 0, len(lost))
    if lost:
        print(f"lost: {places(pipe, lost)}")
    check("I1 every poison record is a dead letter", 0, len(poison - set(letters)))
    check("I2 no event is stored twice", len(stored), len(rows))
    check("I2 no letter twice", len(set(letters)), len(letters))
    check("I2 the ledger of ids holds the stored ones and no more", len(stored),
          pipe.value("select count(*) from graph.event_ids"))
    check("I3 nothing is stored that nobody sent", 0, len(stored - set(ledger.outcomes)))
    check("I3 no letter for what nobody sent", 0, len(set(letters) - set(ledger.outcomes)))
    check("I3 nothing refused is stored", 0, len(ledger.of("refused") & stored))
    check("I3 bodies are what was sent", 0, sum(digest != ledger.digests.get(number) for number, digest in rows))
    check("I5 positions are the ends of the topic", pipe.ends(), pipe.stored())
    check("I5 no partition is stopped", 0,
          pipe.value("select count(*) from metaops.offsets where stopped_reason is not null"))
    check("I6 no transaction is left open", 0, pipe.value(
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and state like 'idle in transaction%%' and state_change < now() - interval '5 s'"))
