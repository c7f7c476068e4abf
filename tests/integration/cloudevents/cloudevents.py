"""What MLServer, Seldon Core and KServe sent, byte for byte, through the door into the views, against tables made by
hand from the captured files; the same and more events in another order, each twice, by other ids: the same graph. What is no
event is refused with its place, and a dead letter where it comes by Kafka."""

import json
import random
import re
import socket

from avro_records import event_record, read_body, read_event
from checks import check, end
from own_pipeline import ROOT, Pipeline, metric, wait_until

DATA = ROOT / "tests/data"
DOOR = "/api/v1/cloudevents?a=query&is=ignored"
STRUCTURED = "application/cloudevents+json"
BATCH_TYPE = "application/cloudevents-batch+json"


def exchange(gateway, head, body):
    """-> status and decoded answer of one request; head: its lines behind the first."""
    port = int(gateway.url.rsplit(":", 1)[1])
    lines = [f"POST {DOOR} HTTP/1.1".encode(), *head, b"Connection: close", b"", body]
    with socket.create_connection(("127.0.0.1", port), 30) as door:
        door.sendall(b"\r\n".join(lines))
        answer = b"".join(iter(lambda: door.recv(65536), b""))
    top, _, rest = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(rest or b"null")


def seldon(name):
    """The head (behind its first line, which is the URL that the logger is given) and body of a captured request."""
    head, _, body = (DATA / "seldon" / name).read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
    return head.split(b"\n")[1:], body[: int(re.search(rb"Content-Length: (\d+)", head)[1])]


def mlserver(name):
    """What a proxy passes on of a captured answer: its attributes, its type, its body."""
    answer = (DATA / "mlserver" / name).read_bytes().replace(b"\r\n", b"\n").split(b"\n---\n", 1)[1]
    head, _, body = answer.partition(b"\n\n")
    body = body.rstrip(b"\n")
    kept = [line for line in head.split(b"\n") if re.match(rb"(ce-|content-type)", line)]
    return [b"Host: door", *kept, b"Content-Length: %d" % len(body)], body


CAPTURED = [
    mlserver("v2_infer.http"),
    mlserver("drift_yes.http"),
    mlserver("drift_batch_pending.http"),
    mlserver("drift_batch_done.http"),
    seldon("v1_ce_real_1.http"),
    seldon("v1_ce_real_2.http"),
    seldon("kserve_ce_sdk_1.http"),
]


def form(name, datatype, *shape):
    return {"name": name, "datatype": datatype, "shape": list(shape), "tensors": 1, "instances": 1}


DRIFT = [form("distance", "FP32", -1, 4), form("is_drift", "INT64", -1, 4), form("p_val", "FP32", -1, 4), form("threshold", "FP64", -1, 1)]
# MLServer sends no time: its windows are those of receipt.
WINDOWS = [
    ("", "drift-server", "iris-drift", "iris-drift", None, 0, 1, 0, 0, None, DRIFT),
    ("", "iris-server", "iris", "iris", None, 0, 1, 0, 0, None, [{**form("predict", "INT64", -1, 1), "instances": 2}]),
    ("fraud", "iris-sdep", "default", "iris", "2026-11-23 14:48:00", 1, 1, 0, 1, [form("predict", "FP64", -1, 4)], [form("predict", "INT64", -1, 1)]),
    ("fraud", "sklearn-iris", "predictor", "sklearn-iris", "2026-11-23 14:49:00", 1, 0, 0, 0, [form("predict", "FP64", -1, 4)], None),
]
# Two answers, of a batch that was not full yet and of one that was: they may fall into two windows.
BATCH = [{**form("is_drift", "INT64", -1, 1)}, DRIFT[0], DRIFT[2], DRIFT[3]]


def captured(pipe, gateway):
    for head, body in CAPTURED + CAPTURED[::-1]:
        status, answer = exchange(gateway, head, body)
        check("200 with an event id", (200, True), (status, "eventId" in answer))
    pipe.wait_stored()
    check(
        "windows",
        WINDOWS,
        pipe.query(
            "select namespace, deployment, endpoint, model, case when namespace <> '' then"
            " to_char(window_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') end,"
            " requests, answers, errors, pairs, inputs, outputs from metaops.inference_windows"
            " where model <> 'iris-drift-batch' order by 1, 2, 3"
        ),
    )
    check(
        "answers of a batching detector",
        [(0, 2)],
        pipe.query("select sum(requests)::int, sum(answers)::int from metaops.inference_windows where model = 'iris-drift-batch'"),
    )
    check(
        "their tensors",
        sorted(json.dumps(one, sort_keys=True) for one in BATCH),
        sorted(
            json.dumps(one[0], sort_keys=True)
            for one in pipe.query(
                "select jsonb_array_elements(outputs) from metaops.inference_windows where model = 'iris-drift-batch'"
            )
        ),
    )
    # 14:48:02.133013 to 14:48:02.144721
    check(
        "the time from request to answer",
        [("11.708",) * 4],
        pipe.query(
            "select latency_ms_mean::numeric(9,3)::text, latency_ms_p50::numeric(9,3)::text, latency_ms_p99::numeric(9,3)::text,"
            " latency_ms_max::numeric(9,3)::text from metaops.inference_windows where pairs > 0"
        ),
    )
    check(
        "models",
        [("", "iris", "inferred"), ("", "iris-drift", "inferred"), ("", "iris-drift-batch", "inferred"), ("fraud", "iris", "inferred"), ("fraud", "sklearn-iris", "inferred")],
        pipe.query("select namespace, name, source from metaops.models order by 1, 2"),
    )
    check(
        "model versions",
        [("", "iris", "2"), ("", "iris-drift", "1"), ("", "iris-drift-batch", "1"), ("fraud", "iris", "2")],
        pipe.query("select namespace, name, version from metaops.model_versions order by 1, 2"),
    )
    check(
        "deployments",
        [("", "drift-server"), ("", "iris-server"), ("fraud", "iris-sdep"), ("fraud", "sklearn-iris")],
        pipe.query("select namespace, name from metaops.deployments order by 1, 2"),
    )
    check("seven ids in the ledger, no event, no letter", [(7, 0, 0)], pipe.query(
        "select (select count(*) from graph.event_ids), (select count(*) from metaops.events), (select count(*) from metaops.dead_letters)"))
    keys = {}
    for partition, _, key, _ in pipe.records(pipe.topic):
        keys.setdefault(key, set()).add(partition)
    # MLServer and Seldon Core were captured with the same request id.
    check("a key for each request id, and a partition", (5, {1}), (len(keys), {len(p) for p in keys.values()}))


# A small world: 60 requests, one every 3 s, by three deployments in turn; every tenth answer is an error, which is
# sent as late as every other: 10 ms for each of its number's rest by 7, and 10 more.
def event(number, kind, second, data):
    return {
        "specversion": "1.0",
        "id": f"{kind}-{number}",
        "source": "http://logger/",
        "type": f"io.seldon.serving.inference.{kind}",
        "time": f"2026-03-01T10:{int(second) // 60:02}:{second % 60:09.6f}Z",
        "namespace": "shuffled",
        "inferenceservicename": f"deployment-{number % 3}",
        "endpoint": "default",
        "modelid": "m",
        "requestid": f"r-{number}",
        "data": data,
    }


def request(number):
    rows = number % 4 + 1
    return event(number, "request", 3 * number, {"inputs": [{"name": "x", "datatype": "FP32", "shape": [rows, 2], "data": [0.5] * 2 * rows}]})


def answer(number):
    second = 3 * number + 0.01 * (number % 7 + 1)
    if number % 10 == 0:
        return event(number, "response", second, {"error": "no such model"})
    return event(number, "response", second, {"model_version": str(number % 2), "outputs": [{"name": "y", "datatype": "INT64", "shape": [number % 4 + 1], "data": []}]})


def feedback(number):
    """Rewards whose binary sums would depend on their order."""
    return {**event(number, "feedback", 3 * number + 1, {"reward": number % 5 / 10}), "type": "io.seldon.serving.feedback"}


def expected_world():
    rows = []
    for deployment in range(3):
        for minute in range(3):
            mine = [n for n in range(60) if n % 3 == deployment and n // 20 == minute]
            good = [n for n in mine if n % 10]
            rows.append(
                (
                    f"deployment-{deployment}",
                    minute,
                    len(mine),
                    len(mine),
                    len(mine) - len(good),
                    len(mine),
                    max(10 * (n % 7 + 1) for n in mine),
                    [{**form("x", "FP32", -1, 2), "tensors": len(mine), "instances": sum(n % 4 + 1 for n in mine)}],
                    [{**form("y", "INT64", -1), "tensors": len(good), "instances": sum(n % 4 + 1 for n in good)}],
                    len(mine),
                    round(sum(n % 5 for n in mine) / 10 / len(mine), 6),
                )
            )
    return rows


def shuffled(seed):
    """The world in some order, each event twice, the second time under an id of its own; half of them alone, half in
    one batch."""
    once = [one(number) for number in range(60) for one in (request, answer, feedback)]
    events = once + [{**one, "id": f"again-{one['id']}"} for one in once]
    random.Random(seed).shuffle(events)
    with Pipeline("cloudevents-order", 1 + seed % 3) as pipe:
        gateway = pipe.gateway()
        for number in range(1 + seed % 2):
            pipe.worker(number + 1)
        pipe.wait_ready()
        half = len(events) // 2
        for one in events[:half] + [events[half:]]:
            body = json.dumps(one).encode()
            kind = BATCH_TYPE if isinstance(one, list) else STRUCTURED
            head = [b"Host: door", b"Content-Type: " + kind.encode(), b"Content-Length: %d" % len(body)]
            status, taken = exchange(gateway, head, body)
            if status != 200 or taken.get("refused"):
                check("every event is taken", 200, (status, taken))
        pipe.wait_stored()
        check(
            f"windows in order {seed}",
            expected_world(),
            pipe.query(
                "select deployment, extract(minute from window_start)::int, requests, answers, errors, pairs, latency_ms_max::int,"
                " inputs, outputs, feedbacks, reward_mean::float8 from metaops.inference_windows order by 1, 2"
            ),
        )
        return pipe.checksum()


def refused(gateway):
    def send(kind, body, *more):
        return exchange(gateway, [b"Host: door", b"Content-Type: " + kind.encode(), *more, b"Content-Length: %d" % len(body)], body)

    binary = [b"ce-specversion: 1.0", b"ce-type: x.inference.request", b"ce-source: s", b"ce-id: 1", b"ce-inferenceservicename: d"]
    js = "application/json"
    empty = json.dumps({**request(0), "data": None}).encode()
    for what, status, place, answer in [
        ("no CloudEvents", 415, None, send(js, b"{}")),
        ("text", 415, None, send("text/plain", b"hello", *binary)),
        ("no JSON", 400, ("", 3), send(js, b"  { ", *binary)),
        ("data that closes its event", 422, ("", 0), send(js, b'{},"type":"x"', *binary)),
        ("no shape", 422, ("/inputs/0", 11), send(js, b'{"inputs":[{"name":"a","datatype":"FP32"}]}', *binary)),
        ("an attribute twice", 422, None, send(js, b"{}", *binary, b"CE-Type: y")),
        ("our own type", 422, ("/type", 0), send(js, b"{}", binary[0], b"ce-type: io.metaops.inference.request", *binary[2:])),
        ("no source", 422, ("", 0), send(js, b"{}", *binary[:2], *binary[3:])),
        ("a structured one without data", 422, ("/data", empty.index(b"null")), send(STRUCTURED, empty)),
    ]:
        found = (answer[1].get("pointer"), answer[1].get("offset"))
        check(f"{what} is refused", (status, place), (answer[0], found if place else None))
    for reason, count in {"no_json": 1, "media_type": 2, "no_event": 6}.items():
        name = f'metaops_gateway_cloudevents_refusals_total{{reason="{reason}"}}'
        check(f"refusals for {reason}", count, metric(gateway.admin_url, name))


def redacted(pipe, gateway):
    """A secret in a payload is gone before Kafka, in a short one and in one that is compressed there, and the worker gives the
    rest the id that the door gave it."""
    kept = [b"ce-specversion: 1.0", b"ce-type: x.inference.request", b"ce-source: s", b"ce-id: 1", b"ce-inferenceservicename: redacted"]
    places = []
    for note in (b"short", b"findable-" * 1000):
        body = b'{"inputs":[],"parameters":{"password":"planted-4711","note":"%s"}}' % note
        status, answer = exchange(gateway, [b"Host: door", *kept, b"Content-Length: %d" % len(body)], body)
        check("a payload with a secret is taken", 200, status)
        places.append((answer["partition"], answer["offset"]))
        pipe.wait_stored()
        check("its id is in the ledger", 1, pipe.value("select count(*) from graph.event_ids where event_id = %s", answer["eventId"]))
    values = {(partition, offset): value for partition, offset, _, value in pipe.records(pipe.topic)}
    bodies = [read_body(values[place]) for place in places]
    check("one of them is compressed", ["IDENTITY", "ZSTD"], [read_event(values[place])["body_codec"] for place in places])
    check("what is searched can be found", [b"findable-" * 1000], re.findall(rb'"note":"(findable[^"]*)"', bodies[1]))
    check("their secrets are redacted", [b"~metaops-redacted~"] * 2, [re.search(rb'"password":"([^"]*)"', one)[1] for one in bodies])
    check("nor is one anywhere on the topic", 0, sum(b"planted-4711" in one + read_body(one) for one in values.values()))


def named(pipe, gateway):
    """The request's id among the headers that KServe passes on, of which nothing else is kept."""
    kept = [b"ce-specversion: 1.0", b"ce-type: x.inference.response", b"ce-source: s", b"ce-id: its-id", b"ce-inferenceservicename: named"]
    expected = []
    places = []
    for number, (metadata, request) in enumerate([
        (b'{"Authorization":["Bearer planted-4712"],"X-Request-Id":["asked"]}', "asked"),
        (b'{"x-request-id":"asked-\\u0031"}', "asked-1"),
        (b'{"X-Request-Id":[7]}', "its-id"),
        (b'{"X-Request-Id":[]}', "its-id"),
        (b'{"X-Request-Id":["' + b"x" * 300 + b'"]}', "its-id"),
        (b"[]", "its-id"),
        (b"{", "its-id"),
    ]):
        body = b'{"outputs":[],"id":"%d"}' % number  # kept with its request, as it may be a detector's
        head = [b"Host: door", *kept, b"ce-metadata: " + metadata, b"Content-Length: %d" % len(body)]
        status, answer = exchange(gateway, head, body)
        check(f"metadata {number} is taken", 200, status)
        expected.append((answer["eventId"], request))
        places.append((answer["partition"], answer["offset"]))
    pipe.wait_stored()
    check("requests have the id of their caller", sorted(expected), sorted(pipe.query(
        "select event_id::text, request_id from graph.drift_evaluations where event_id::text = any (%s)", [one for one, _ in expected])))
    bodies = [read_body(value) for partition, offset, _, value in pipe.records(pipe.topic) if (partition, offset) == places[0]]
    check("of the headers only that is on the topic", [(True, False)], [(b'"asked"' in one, b"planted-4712" in one) for one in bodies])


def letters(pipe):
    """What comes by Kafka past the door."""
    bodies = [
        b'{"specversion":',
        json.dumps({**request(1), "type": "io.metaops.key.added"}).encode(),
        json.dumps({**request(1), "data": {"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1]}]}}).encode(),
    ]
    pipe.produce(pipe.topic, [(0, b"k", event_record(body, format="payload")) for body in bodies])
    pipe.wait_stored()
    check(
        "dead letters with reason and bytes",
        [("identify", True), ("identify", True), ("observe", True)],
        pipe.query("select stage, value = any (%s) from graph.dead_letters order by kafka_offset", [event_record(body, format="payload") for body in bodies]),
    )


def main():
    with Pipeline("cloudevents", 3) as pipe:
        gateway = pipe.gateway()
        pipe.worker()
        pipe.wait_ready()
        captured(pipe, gateway)
        before = pipe.checksum()
        pipe.run("rebuild")
        check("a rebuild leaves them as they are", before, pipe.checksum())
        redacted(pipe, gateway)
        named(pipe, gateway)
        refused(gateway)
        letters(pipe)
    check("the same graph in every order", 1, len({shuffled(seed) for seed in range(3)}))
    end()


main()
