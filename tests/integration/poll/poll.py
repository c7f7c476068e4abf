"""What Seldon Core v2 and v1 and MLServer wrote to Kafka, and 1,000 predictions besides, through metaops poll, which is killed
on the way: windows, versions and ids against a table made by hand from the captured files. What cannot be used is a dead
letter of the worker, and offsets are committed to the end of each topic."""

import base64
import json
import os
import time

from confluent_kafka import Producer

from checks import check, end
from committed import is_committed
from own_pipeline import ROOT, Pipeline, metric, wait_until

DATA = ROOT / "tests/data"
PREDICTIONS = 1000
# The minute in which Seldon Core v2 was captured becomes the one an hour ago, so that no broker takes the records for too
# old or too new; windows are counted in minutes from it.
CAPTURED_MS = 1795446060000
BASE_MS = (int(time.time()) // 60 - 60) * 60000


def lines(name):
    return [json.loads(line) for line in (DATA / name).read_text().splitlines()]


def value_of(record):
    for key in ("value_b64", "value_bytes_b64"):
        if key in record:
            return base64.b64decode(record[key])
    return record["value_raw"].encode() if "value_raw" in record else json.dumps(record["value"]).encode()


def captured(topics):
    """(topic, time, key, headers, value) of each record, on our topics."""
    names = ("seldon/v2_kafka_real.ndjson", "seldon/v1_kafka_real.ndjson", "mlserver/kafka_mlserver-input.ndjson", "mlserver/kafka_mlserver-output.ndjson")
    for record in (record for name in names for record in lines(name)):
        at_ms = record.get("timestamp", CAPTURED_MS) - CAPTURED_MS + BASE_MS
        yield topics[record["topic"]], at_ms, record["key"], record["headers"], value_of(record)


def predictions(prefix):
    """One every 120 ms for two minutes, answered after 10 ms; every tenth answer is an error."""
    for number in range(PREDICTIONS):
        at_ms = BASE_MS + 60000 + 120 * number
        headers = [["x-request-id", f"load-{number}"]]
        yield f"{prefix}.fraud.model.load.inputs", at_ms, None, headers, b'{"inputs":[]}'
        if number % 10 == 0:
            yield f"{prefix}.fraud.errors.errors", at_ms + 10, None, [*headers, ["seldon-pipeline-errors", "load"]], b"no such shape"
        else:
            yield f"{prefix}.fraud.model.load.outputs", at_ms + 10, None, headers, b'{"model_name":"load","model_version":"1","outputs":[]}'


def produce(records):
    producer = Producer({"bootstrap.servers": os.environ["METAOPS_KAFKA"]})
    failures = []
    for topic, at_ms, key, headers, value in records:
        headers = [(name, text.encode()) for name, text in headers]
        producer.produce(topic, value, key, timestamp=at_ms, headers=headers, on_delivery=lambda e, _: e and failures.append(e))
        producer.poll(0)
    check("all records are on the sources", (0, []), (producer.flush(120), failures))


# minute, namespace, deployment, endpoint, model, requests, answers, errors, pairs. Of MLServer's six requests one
# names no model and one is no JSON; one has no key and so no answer, one was never answered.
WINDOWS = [
    (-36, "", "iris-server", "iris", "iris", 4, 3, 0, 2),
    (-13, "fraud", "iris-sdep", "default", "iris", 1, 1, 0, 1),
    (0, "fraud", "iris", "", "iris", 2, 2, 2, 2),
    (0, "fraud", "iris", "iris", "iris", 1, 1, 0, 1),
    (1, "fraud", "load", "", "load", 500, 500, 50, 500),
    (2, "fraud", "load", "", "load", 500, 500, 50, 500),
]
IDS = 6 + 3 + 7 + 2 * PREDICTIONS


def run(pipe):
    prefix = pipe.name
    topics = {
        "seldon-v1-payloads": f"{prefix}.v1",
        "mlserver-input": f"{prefix}.in",
        "mlserver-output": f"{prefix}.out",
        **{f"seldon.fraud.{rest}": f"{prefix}.fraud.{rest}" for rest in ("model.iris.inputs", "model.iris.outputs", "errors.errors")},
    }
    own = {*topics.values(), f"{prefix}.fraud.model.load.inputs", f"{prefix}.fraud.model.load.outputs"}
    for topic in sorted(own):
        pipe.make_topic(topic, 2)
    produce([*captured(topics), *predictions(prefix)])
    settings = {
        "METAOPS_POLL_GROUP": f"{prefix}-poll",
        "METAOPS_POLL_SELDON_V2_PREFIX": prefix,
        "METAOPS_POLL_SELDON_V1_TOPIC": topics["seldon-v1-payloads"],
        "METAOPS_POLL_MLSERVER_INPUT_TOPIC": topics["mlserver-input"],
        "METAOPS_POLL_MLSERVER_OUTPUT_TOPIC": topics["mlserver-output"],
        "METAOPS_POLL_MLSERVER_SERVICE": "iris-server",
    }
    pipe.worker()
    # One record at a time, so that it cannot be through before it is killed.
    poll = pipe.poll(**settings, METAOPS_POLL_IN_FLIGHT_MAX="1")
    pipe.wait_ready()
    published = 'metaops_poll_records_total{result="published"}'
    wait_until("some records are published", lambda: metric(poll.admin_url, published) >= 100)
    poll.kill()
    poll = pipe.poll(2, **settings)
    ends = {topic: pipe.ends(topic) for topic in own}
    wait_until("offsets are committed to the end", lambda: is_committed(f"{prefix}-poll", ends))
    pipe.wait_stored()
    check(
        "windows",
        WINDOWS,
        pipe.query(
            "select ((extract(epoch from window_start) * 1000 - %s) / 60000)::int, namespace, deployment, endpoint, model,"
            " requests::int, answers::int, errors::int, pairs::int from metaops.inference_windows order by 1, 2, 3, 4",
            BASE_MS,
        ),
    )
    check(
        "versions, and none that a gateway of Seldon Core v2 says",
        [("", "iris", "1"), ("", "iris", "2"), ("fraud", "iris", "2")],
        pipe.query("select namespace, name, version from metaops.model_versions order by 1, 2, 3"),
    )
    check("an id for each event, however often it was read", IDS, pipe.value("select count(*) from graph.event_ids"))
    check(
        "dead letters of what names no model, and of what is no JSON, with their source and place",
        [
            (f"{prefix}.in: 'o' where a value is due that is no JSON", 1, "poll", pipe.topic),
            (f"{prefix}.in: no header mlserver-model", None, "poll", pipe.topic),
        ],
        pipe.query('select reason, byte_offset::int, stage, topic from metaops.dead_letters order by reason collate "C"'),
    )
    check("an orderly end", 0, poll.stop())


with Pipeline("poll", partitions=3) as pipe:
    run(pipe)
end()
