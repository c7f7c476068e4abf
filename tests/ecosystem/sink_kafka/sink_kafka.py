"""The sink kafka: every accepted event once on a topic of its own, whatever was sent twice and however
often the worker was killed; fields as by hand from the events; readable by another implementation of
Avro with our .avsc. No database is asked: it does not even have to exist."""

import hashlib
import json
import os
import random
import time

from confluent_kafka.admin import AdminClient, NewTopic

from avro_records import event_record, read_enriched
from checks import check, end
from own_pipeline import LIMIT_S, Pipeline, post, test_events, wait_until

RUN = {
    "eventType": "COMPLETE", "eventTime": "2026-03-01T10:00:00.25+02:00",
    "producer": "https://example.com/tool", "schemaURL": "https://example.com/schema",
    "run": {"runId": "{0C5D1E2F-0000-4000-8000-00000000000A}", "facets": {"parent": {
        "run": {"runId": "nightly 7"}, "job": {"namespace": "air", "name": "dag.task"},
        "root": {"run": {"runId": "0c5d1e2f-0000-4000-8000-00000000000b"},
                 "job": {"namespace": "air", "name": "dag"}}}}},
    "job": {"namespace": "spark", "name": "load"},
    "inputs": [{"namespace": "pg", "name": "raw.a"}, {"namespace": "pg", "name": "raw.\u00e4\u0000"}],
    "outputs": [{"namespace": "s3", "name": "mart"}],
}
JOB = {"eventTime": "2026-03-01T10:00:00Z", "job": {"namespace": "air", "name": "dag"}, "eventType": ""}
DATASET = {"eventTime": "2026-03-01T10:00:00Z", "dataset": {"namespace": "pg", "name": "raw.a"}}
CHILD = {"eventTime": "2026-03-01T10:00:00Z", "job": {"namespace": "n", "name": "j"}, "run": {
    "runId": "r", "facets": {"parent": {"run": {"runId": "p"}, "job": {"namespace": "n", "name": "up"}}}}}

PORTION = 1500
PORTIONS_MAX = 20
IN_THE_MIDDLE = 3

NONE = dict.fromkeys(("event_type", "run_id", "job_namespace", "job_name", "parent", "root", "dataset",
                      "producer", "principal")) | {"inputs": [], "outputs": [], "redactions": 0,
                                                   "format": "openlineage", "source": "EMITTER"}
TEN = 1772359200000000  # 2026-03-01T10:00:00Z
UP = {"run_id": "p", "job_namespace": "n", "job_name": "up"}
BY_HAND = [
    (RUN, {"event_time_us": TEN - 7200000000 + 250000, "kind": "RUN", "event_type": "COMPLETE",
           "run_id": "0c5d1e2f-0000-4000-8000-00000000000a", "job_namespace": "spark", "job_name": "load",
           "parent": {"run_id": "nightly 7", "job_namespace": "air", "job_name": "dag.task"},
           "root": {"run_id": "0c5d1e2f-0000-4000-8000-00000000000b", "job_namespace": "air", "job_name": "dag"},
           "inputs": [{"namespace": "pg", "name": "raw.a"}, {"namespace": "pg", "name": "raw.\u00e4\ufffd"}],
           "outputs": [{"namespace": "s3", "name": "mart"}], "producer": "https://example.com/tool"}),
    (JOB, {"event_time_us": TEN, "kind": "JOB", "job_namespace": "air", "job_name": "dag"}),
    (DATASET, {"event_time_us": TEN, "kind": "DATASET", "dataset": {"namespace": "pg", "name": "raw.a"}}),
    (CHILD, {"event_time_us": TEN, "kind": "RUN", "run_id": "r", "job_namespace": "n", "job_name": "j",
             "parent": UP, "root": UP}),
]


def event_id(body):
    return hashlib.sha256(body).digest()[:16]


def enriched(pipe):
    """[(partition, key, event)] of the topic"""
    return [(partition, key, read_enriched(value))
            for partition, _, key, value in pipe.records(f"{pipe.name}.enriched")]


def wait_for(pipe, ids):
    """Until all of them are there; then all records."""
    def all_there():
        rows = enriched(pipe)
        return rows if ids <= {row["event_id"] for _, _, row in rows} else None
    return wait_until(f"{len(ids)} events on the topic", all_there)


def once(what, rows, bodies):
    found = [row["event_id"] for _, _, row in rows]
    check(f"{what}: every event is there", [], [i.hex() for i in {event_id(b) for b in bodies} - set(found)])
    check(f"{what}: each once", len(set(found)), len(found))


def fields(pipe, worker):
    bodies = [json.dumps(event).encode() for event, _ in BY_HAND]
    pipe.emit(bodies)
    rows = {row["event_id"]: (partition, key, row) for partition, key, row in
            wait_for(pipe, {event_id(body) for body in bodies})}
    sent = {value[10:26]: (partition, offset, key)  # the event id follows the head
            for partition, offset, key, value in pipe.records(pipe.topic)}
    for (event, expected), body in zip(BY_HAND, bodies):
        partition, key, row = rows[event_id(body)]
        came = sent[event_id(body)]
        received = row.pop("received_at_us")
        resume = row.pop("source_resume_offset")
        check(f"fields of a {expected['kind']} event", NONE | expected | {
            "event_id": event_id(body), "body": body.decode(), "source_topic": pipe.topic,
            "source_partition": came[0], "source_offset": came[1]}, row)
        check("partition and key are those of its source", (came[0], came[2]), (partition, key))
        check("it came a moment ago", True, 0 <= time.time() - received / 1e6 < 3600)
        check("and the place to go on is not behind it", True, 0 <= resume <= came[1])
    check("the worker lives", True, worker.runs())
    return bodies


def many(begin, ends):
    return [json.dumps({"eventTime": "2026-03-01T10:00:00Z", "eventType": "START", "producer": "p" * 300,
                        "run": {"runId": f"run-{i}"}, "job": {"namespace": "many", "name": f"job-{i % 97}"}}).encode()
            for i in range(begin, ends)]


def kills(pipe, worker, known):
    """Each time as soon as something of a portion is written, and again while it starts, until it was killed in the middle
    often enough: a worker may be quicker than we are."""
    rng = random.Random(7)
    bodies, in_the_middle, portions = [], 0, 0
    topic = f"{pipe.name}.enriched"
    while portions < PORTIONS_MAX and in_the_middle < IN_THE_MIDDLE:
        portions += 1
        bodies += many(len(bodies), len(bodies) + PORTION)
        portion = bodies[-PORTION:] + rng.sample(bodies, PORTION // 4)
        rng.shuffle(portion)
        before = sum(pipe.ends(topic).values())
        pipe.emit(portion)
        wait_until("something is written", lambda: sum(pipe.ends(topic).values()) > before)
        worker.kill()
        in_the_middle += sum(pipe.ends(topic).values()) < len(known) + len(bodies)
        worker.start()
        time.sleep(rng.uniform(0.02, 0.4))
        worker.kill()
        worker.start()
    rows = wait_for(pipe, {event_id(body) for body in bodies})
    check(f"it was killed in the middle of {portions} portions", IN_THE_MIDDLE, in_the_middle)
    once("killed in the middle", rows, bodies + known)
    return bodies


def starts_anew(pipe, worker, bodies):
    """An orderly stop, then a start: nothing is written again; then copies of what is there."""
    before = sum(pipe.ends(f"{pipe.name}.enriched").values())
    check("it ends well", 0, worker.stop())
    worker.start()
    [fresh] = many(len(bodies), len(bodies) + 1)
    pipe.emit([*bodies[:500], fresh])
    wait_for(pipe, {event_id(fresh)})
    check("copies that come after a restart are copies", before + 1, sum(pipe.ends(f"{pipe.name}.enriched").values()))


def real_events(pipe, gateway, topic):
    """By HTTP and, the same bytes, by Kafka as plain JSON."""
    bodies = list(dict.fromkeys(test_events()))
    answers = [post(f"{gateway.url}/api/v1/lineage", body)[0] for body in bodies]
    taken = [body for body, status in zip(bodies, answers) if status == 201]
    check("the gateway takes real events", True, len(taken) > 300)
    pipe.produce(topic, [(None, b"key", body) for body in taken])
    rows = wait_for(pipe, {event_id(body) for body in taken})
    time.sleep(2)
    once("by HTTP and as JSON", enriched(pipe), taken)
    check("bodies are what was sent", set(taken) - {row["body"].encode() for _, _, row in rows}, set())


def redacted(pipe, topic):
    """What others wrote to Kafka is redacted before it goes on."""
    body = json.dumps({"eventTime": "2026-03-01T10:00:00Z", "job": {"namespace": "redacted", "name": "j"}, "inputs": [
        {"namespace": "postgres://db", "name": "t", "facets": {"dataSource": {
            "uri": "jdbc:postgresql://db/x?user=u&password=hunter2secret"}}}]}).encode()
    pipe.produce(topic, [(None, b"k", body)])
    row = wait_until("the redacted event", lambda: [r for _, _, r in enriched(pipe) if r["job_namespace"] == "redacted"])
    check("a password in it is redacted and counted", (False, 1), ("hunter2secret" in row[0]["body"], row[0]["redactions"]))
    check("the id is that of the body as it stands", event_id(row[0]["body"].encode()), row[0]["event_id"])


def bad_records(pipe):
    pipe.produce(pipe.topic, [(0, b"k", b"no event"), (0, b"k", event_record(b'{"eventTime": 1}'))])
    good = b'{"eventTime":"2026-03-01T10:00:00Z","job":{"namespace":"after","name":"bad ones"}}'
    pipe.produce(pipe.topic, [(0, b"k", event_record(good))])
    wait_for(pipe, {event_id(good)})
    check("what is no event is a dead letter, its neighbours go on", 2, sum(pipe.ends(pipe.dead_topic).values()))


def refusals(pipe):
    admin = AdminClient({"bootstrap.servers": os.environ["METAOPS_KAFKA"]})
    for done in admin.create_topics([NewTopic(f"{pipe.name}.narrow", 2, 1)]).values():
        done.result(LIMIT_S)
    for what, word, settings in (
        ("the group of other workers", "worker.group of its own", {"METAOPS_WORKER_GROUP": "metaops"}),
        ("another number of partitions", "they must have as many", {"METAOPS_KAFKA_TOPIC_ENRICHED": f"{pipe.name}.narrow"}),
        ("a missing topic", "metaops migrate --kafka", {"METAOPS_KAFKA_TOPIC_ENRICHED": f"{pipe.name}.nowhere"}),
    ):
        role = pipe.worker(9, METAOPS_WORKER_SINK="kafka", **settings)
        wait_until(f"refused: {what}", lambda: not role.runs())
        check(f"{what} is refused with the reason", (1, True), (role.process.returncode, word in role.words()))
        pipe.roles.remove(role)
        role.log.close()


def main():
    with Pipeline("enriched", 3, {"METAOPS_POSTGRES_CONNINFO": "host=127.0.0.1 port=1"}) as pipe:
        topic = f"{pipe.name}.json"
        admin = AdminClient({"bootstrap.servers": os.environ["METAOPS_KAFKA"]})
        for done in admin.create_topics([NewTopic(topic, 2, 1)]).values():
            done.result(LIMIT_S)
        worker = pipe.worker(METAOPS_WORKER_SINK="kafka", METAOPS_INGEST_OPENLINEAGE_TOPICS=topic,
                             METAOPS_WORKER_GROUP=f"{pipe.name}-enriched", METAOPS_WORKER_LANES="2",
                             # Small batches: a kill meets a portion half written on a fast machine too.
                             METAOPS_WORKER_BATCH_EVENTS_MAX="5")
        pipe.wait_ready()
        known = fields(pipe, worker)
        bodies = kills(pipe, worker, known)
        starts_anew(pipe, worker, bodies)
        gateway = pipe.gateway()
        pipe.wait_ready()
        real_events(pipe, gateway, topic)
        redacted(pipe, topic)
        bad_records(pipe)
        check("and it ends well", 0, worker.stop())
        refusals(pipe)
    end()


main()
