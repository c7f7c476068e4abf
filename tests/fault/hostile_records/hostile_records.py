"""Poison among good records on metaops.events and on a topic of plain JSON: every good one is stored, once, as it was
sent; every poison record is a dead letter with its bytes and its reason; none holds its batch up by more than a second
or costs the worker a millisecond of CPU; the worker lives. Seeded (METAOPS_SEED)."""

import json
import os
import pathlib
import random
import statistics
import time

import psycopg
from confluent_kafka import Producer

import poison
from avro_records import event_record, read_letter
from checks import check, end
from own_pipeline import LIMIT_S, Pipeline, wait_until

DELAY_S_MAX = 1.0
CPU_MS_MAX = 1.0
COPIES = 20
CALM_ROUNDS = 30
# A machine that does something else for a moment is no fault of the record.
TRIES = 10
# In a short round only some are measured; all are sent.
SHORT_STEP = 5


def good(name):
    return json.dumps(
        {"eventTime": poison.TIME, "job": {"namespace": "hostile-records", "name": name}, "inputs": [
            {"namespace": "s3://raw", "name": f"of-{name}"}]}
    ).encode()


class Bench:
    def __init__(self, pipe, topic, worker, connection):
        self.pipe, self.topic, self.worker, self.connection = pipe, topic, worker, connection
        self.sent = []  # bodies of good events
        self.ends = {topic: 0, pipe.topic: 0}  # of partition 0
        # One for all, as a new one may need a second to find its way.
        self.producer = Producer({"bootstrap.servers": os.environ["METAOPS_KAFKA"], "linger.ms": 0})

    def good(self):
        self.sent.append(good(f"job-{len(self.sent)}"))
        return self.sent[-1]

    def where(self, name):
        """The topic that this poison belongs on, and how a good event is written there."""
        return (self.topic, lambda body: body) if name.startswith("plain") else (self.pipe.topic, event_record)

    def send(self, topic, values):
        for value in values:
            self.producer.produce(topic, value, partition=0)
        assert self.producer.flush(LIMIT_S) == 0
        self.ends[topic] += len(values)

    def value(self, statement, *parameters):
        return self.connection.execute(statement, parameters).fetchone()[0]

    def is_done(self, topic):
        return self.ends[topic] <= self.value(
            "select max(next_offset) from metaops.offsets where topic = %s and partition = 0", topic)

    def delay_s(self, name, value):
        """From sending a good event, the poison and a good event to the moment when both can be seen."""
        topic, write = self.where(name)
        values = [write(self.good()), *([] if value is None else [value]), write(self.good())]
        begun = time.monotonic()
        self.send(topic, values)
        wait_until(f"{name}: its neighbours", lambda: self.value("select count(*) from metaops.events") >= len(self.sent))
        return time.monotonic() - begun

    def cpu_s(self):
        tasks = pathlib.Path(f"/proc/{self.worker.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def cpu_ms(self, name, value):
        """Of the whole worker, for one of many copies: reading it, judging it, and what is written of it."""
        topic, _ = self.where(name)
        before = self.cpu_s()
        self.send(topic, [value] * COPIES)
        wait_until(f"{name}: its copies", lambda: self.is_done(topic))
        return (self.cpu_s() - before) * 1000 / COPIES


def best(measure, enough):
    """The least of a few tries, which end as soon as one is good enough."""
    least = measure()
    for _ in range(TRIES - 1):
        if least <= enough:
            break
        least = min(least, measure())
    return least


def delays(bench, records):
    for way in ("avro", "plain"):
        bench.delay_s(way, None)
    calm = [bench.delay_s("calm", None) for _ in range(CALM_ROUNDS)]
    allowed = statistics.median(calm) + DELAY_S_MAX
    seconds = {name: best(lambda n=name, v=value: bench.delay_s(n, v), allowed) for name, value, _ in records}
    print(f"neighbours seen after {statistics.median(calm):.3f} s without poison (at most {max(calm):.3f} s), "
          f"{statistics.median(seconds.values()):.3f} s with it (at most {max(seconds.values()):.3f} s)")
    check("no poison record holds its batch up by more than a second", [],
          [f"{name}: {spent:.2f} s" for name, spent in seconds.items() if spent > allowed])


def costs(bench, records):
    cost = {name: best(lambda n=name, v=value: bench.cpu_ms(n, v), CPU_MS_MAX) for name, value, _ in records}
    print(f"CPU of the worker for one: {statistics.median(cost.values()):.3f} ms, at most {max(cost.values()):.3f} ms "
          f"({max(cost, key=cost.get)})")
    check("none costs a millisecond of CPU", [], [f"{name}: {ms:.2f} ms" for name, ms in cost.items() if ms > CPU_MS_MAX])


def mixed(bench, records, rng):
    """All of them once more, in any order among many good ones, over all partitions."""
    for plain in (False, True):
        topic, write = bench.where("plain" if plain else "avro")
        values = [value for name, value, _ in records if name.startswith("plain") == plain]
        values += [write(bench.good()) for _ in range(1000)]
        rng.shuffle(values)
        bench.pipe.produce(topic, [(rng.randrange(3), None, value) for value in values])
        bench.pipe.wait_stored(topic=topic)


def letters(pipe, records):
    rows = {bytes(value): f"{place}: {reason}" if reason else "" for value, place, reason in pipe.query(
        "select value, coalesce(json_pointer, ''), reason from graph.dead_letters")}
    check("every poison record is a dead letter with its bytes", [], [name for name, value, _ in records if value not in rows])
    check("and with its reason", [], [f"{name}: {rows[value]}" for name, value, word in records
                                      if value in rows and not (rows[value] and word in rows[value])])
    check("nothing else is", len(records), len(rows))
    published = {read_letter(value)["value"] for _, _, _, value in pipe.records(pipe.dead_topic)}
    check("each is on the topic of dead letters", [], [name for name, value, _ in records if value not in published])


def main():
    seed = int(os.environ.get("METAOPS_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
    rng = random.Random(seed)
    model = good("model")
    with Pipeline("hostile-records", 3) as pipe:
        topic = f"{pipe.name}.openlineage"
        pipe.make_topic(topic, 3)
        records = [*poison.avro(model, rng), *poison.plain(model, rng)]
        print(f"METAOPS_SEED={seed}: {len(records)} poison records")
        worker = pipe.worker(METAOPS_INGEST_OPENLINEAGE_TOPICS=topic)
        pipe.wait_ready()
        with psycopg.connect(pipe.dsn, autocommit=True) as connection:
            bench = Bench(pipe, topic, worker, connection)
            measured = records[:: SHORT_STEP if os.environ.get("METAOPS_TEST_SHORT") else 1]
            delays(bench, measured)
            costs(bench, measured)
            mixed(bench, records, rng)
        bodies = [body.encode() for (body,) in pipe.query("select metaops.event_body(event_id) from metaops.events")]
        check("every good event is stored, once, as it was sent", sorted(bench.sent), sorted(bodies))
        letters(pipe, records)
        check("the worker lives", True, worker.runs())
        check("and stops in good order", 0, worker.stop())
    end()


main()
