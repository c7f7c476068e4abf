"""Events as JSON on a topic of a client's own, with the keys that OpenLineage clients write, and the same
events by HTTP, each half in another order: one event each, and the graph of those that came by HTTP
alone. What is no event becomes a dead letter. A topic that has lost its beginning is read from where
it starts now; one that appears later is found."""

import json
import os

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from avro_records import event_record
from checks import check, end
from own_pipeline import ROOT, Pipeline, post, wait_until

GONE = b'{"eventTime":"2026-03-01T10:00:00Z","job":{"namespace":"gone","name":"before the worker came"}}'
LATE = b'{"eventTime":"2026-03-01T10:00:00Z","job":{"namespace":"late","name":"topic"}}'
BAD = [b'{"eventTime":', b"[]", b'{"run":{}}', event_record(GONE), b"\xff\xfe", b""]


def key_of(body):
    """As the Python and Java clients do: the job of the root parent, else of the parent, else its own."""
    event = json.loads(body)
    if "dataset" in event:
        return f"dataset:{event['dataset']['namespace']}/{event['dataset']['name']}".encode()
    if "run" not in event:
        return f"job:{event['job']['namespace']}/{event['job']['name']}".encode()
    parent = (event["run"].get("facets") or {}).get("parent") or {}
    job = (parent.get("root") or {}).get("job") or parent.get("job") or event["job"]
    return f"run:{job['namespace']}/{job['name']}".encode()


def send(url, bodies):
    codes = {post(f"{url}/api/v1/lineage", body)[0] for body in bodies}
    check("the gateway takes them", {201}, codes)


def http_only(bodies):
    with Pipeline("json-topic-http", 3) as pipe:
        gateway = pipe.gateway()
        pipe.worker()
        pipe.wait_ready()
        send(gateway.url, bodies)
        pipe.wait_stored()
        return pipe.checksum()


def make_topic(admin, name):
    for done in admin.create_topics([NewTopic(name, 3, 1)]).values():
        done.result(20)


def both(bodies, expected):
    half = len(bodies) // 2
    admin = AdminClient({"bootstrap.servers": os.environ["METAOPS_KAFKA"]})
    with Pipeline("json-topic", 3) as pipe:
        topic, later = f"{pipe.name}.openlineage", f"{pipe.name}.later"
        pipe.environment["METAOPS_INGEST_OPENLINEAGE_TOPICS"] = f"{topic}, {later}"
        make_topic(admin, topic)
        pipe.produce(topic, [(number, None, GONE) for number in range(3)])
        for done in admin.delete_records([TopicPartition(topic, number, 1) for number in range(3)]).values():
            done.result(20)
        gateway = pipe.gateway()
        worker = pipe.worker()
        pipe.wait_ready()
        send(gateway.url, bodies[:half])
        pipe.wait_stored()
        pipe.produce(topic, [(None, key_of(body), body) for body in bodies])
        pipe.wait_stored(topic=topic)
        send(gateway.url, bodies[half:])
        pipe.wait_stored()
        check("each is one event", len(bodies), pipe.value("select count(*) from metaops.events"))
        check("from where it came first", [("http", half), ("kafka", len(bodies) - half)], pipe.query(
            "select source, count(*) from metaops.events group by 1 order by 1"))
        check("the graph is that of HTTP alone", expected, pipe.checksum())
        check("bodies are what was sent", [], pipe.broken_bodies())
        pipe.produce(topic, [(1, b"run:bad/key", body) for body in BAD])
        pipe.wait_stored(topic=topic)
        check("what is no event is a dead letter", sorted(BAD), sorted(
            bytes(value) for (value,) in pipe.query("select value from graph.dead_letters where topic = %s", topic)))
        make_topic(admin, later)
        pipe.produce(later, [(2, None, LATE)])
        wait_until("the topic made later is read", lambda: pipe.query(
            "select 1 from metaops.jobs where namespace = 'late'"))
        check("nothing came from before the beginning", [], pipe.query("select 1 from metaops.jobs where namespace = 'gone'"))
        check("the worker lives", True, worker.runs())
        check("and ends well", 0, worker.stop())


def main():
    lines = (ROOT / "tests/data/openlineage_python_kafka.jsonl").read_bytes().splitlines()
    bodies = list(dict.fromkeys(line for line in lines if line.strip()))
    both(bodies, http_only(bodies))
    end()


main()
