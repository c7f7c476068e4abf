"""What MLflow's model registry sent by its webhooks, byte for byte and signed as MLflow signs, through the door into
the views, against tables made by hand from the captured file; the same in other orders, each twice, has the same graph. Who does not
know the secret, or comes late, is refused."""

import base64
import hashlib
import hmac
import json
import random
import socket
import tempfile
import time

from avro_records import event_record
from checks import check, end
from own_pipeline import ROOT, Pipeline, metric
from training import check_training

BODIES = (ROOT / "tests/data/mlflow/webhooks.jsonl").read_bytes().splitlines()
SECRET = "a secret of MLflow"
OLD_SECRET = "the secret before"


def signed(body, secret=SECRET, delivery="d-1", at=None):
    stamp = str(int(at or time.time()))
    digest = hmac.new(secret.encode(), f"{delivery}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "X-MLflow-Delivery-Id": delivery,
        "X-MLflow-Timestamp": stamp,
        "X-MLflow-Signature": "v1," + base64.b64encode(digest).decode(),
    }


def send(gateway, body, headers):
    """-> status and decoded answer."""
    port = int(gateway.url.rsplit(":", 1)[1])
    lines = ["POST /api/v1/mlflow/webhooks?a=query HTTP/1.1", "Host: door", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
    with socket.create_connection(("127.0.0.1", port), 30) as door:
        door.sendall("\r\n".join(lines).encode() + body)
        answer = b"".join(iter(lambda: door.recv(65536), b""))
    top, _, rest = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(rest or b"null")


# By hand, of the 34 bodies: 16 are of prompts, 7 of MLflow's test deliveries.
RUN = "3f9c53c98d994737be51a7028bb63988"
VERSIONS = [
    ("churn-model", "1", "observed", "14:56:37.530657", "15:03:14.227482", "models:/m-15b5343c71334e9c92ca1de2c3f7eb16", None, "14:56:37.530657"),
    ("churn-model", "2", "observed", "15:03:13.435476", "15:03:14.119719", "s3://bucket/m0", RUN, "15:03:13.435476"),
    ("churn-model", "3", "observed", "15:03:13.531626", "15:03:13.531626", "s3://bucket/m1", RUN, "15:03:13.531626"),
    ("empty-model", "1", "observed", "15:03:14.955642", "15:03:14.955642", "s3://bucket/models/m1", None, "15:03:14.955642"),
]
TAGS = [
    ("churn-model", "2", "run", "1", "15:03:13.435476"),
    ("churn-model", "3", "run", "1", "15:03:13.531626"),
    ("empty-model", None, "a", "b", "15:03:14.930874"),
]
ALIASES = [("churn-model", "champion", "2", "15:03:14.119719")]


def clock(column):
    return f"to_char({column} at time zone 'UTC', 'HH24:MI:SS.US')"


def check_graph(pipe, what):
    check(f"{what}: models", [("mlflow", "churn-model", "observed"), ("mlflow", "empty-model", "observed")],
          pipe.query("select namespace, name, source from metaops.models order by 2"))
    check(f"{what}: versions", VERSIONS,
          pipe.query(f"select name, version, source, {clock('first_seen')}, {clock('last_seen')}, artifact_uri, registry_run_id,"
                     f" {clock('released_at')} from metaops.model_versions order by 1, 2"))
    check(f"{what}: how that is known", [("observed", None, None, None, "observed"), ("observed", None, None, "observed", "observed")],
          pipe.query("select artifact_uri_source, digest_source, run_source, registry_run_source, released_source"
                     " from metaops.model_versions where name = 'churn-model' and version < '3' order by version"))
    check(f"{what}: tags", TAGS, pipe.query(f"select name, version, key, value, {clock('since')} from metaops.model_tags order by 1, 2"))
    check(f"{what}: aliases", ALIASES, pipe.query(f"select name, alias, version, {clock('since')} from metaops.model_aliases"))
    check(f"{what}: eleven ids in the ledger, no event, no letter", [(11, 0, 0)], pipe.query(
        "select (select count(*) from graph.event_ids), (select count(*) from metaops.events), (select count(*) from metaops.dead_letters)"))


def delivered(seed, key_file):
    """All bodies in some order, each twice under another delivery id."""
    bodies = BODIES + BODIES
    if seed:
        random.Random(seed).shuffle(bodies)
    with Pipeline("mlflow", 1 + seed % 3) as pipe:
        gateway = pipe.gateway(METAOPS_INGEST_MLFLOW_KEY_FILE=key_file)
        for number in range(1 + seed % 2):
            pipe.worker(number + 1)
        pipe.wait_ready()
        answers = [send(gateway, body, signed(body, delivery=f"d-{i}")) for i, body in enumerate(bodies)]
        check("every answer is 200", {200}, {status for status, _ in answers})
        check("kept, and passed over", (22, 46), (sum("eventId" in answer for _, answer in answers), sum("ignored" in answer for _, answer in answers)))
        pipe.wait_stored()
        check_graph(pipe, f"order {seed}")
        for reason, count in {"prompt": 32, "test": 14, "signature": 0}.items():
            check(f"not taken for {reason}", count, metric(gateway.admin_url, f'metaops_gateway_mlflow_not_taken_total{{reason="{reason}"}}'))
        before = pipe.checksum()
        pipe.run("rebuild")
        check("a rebuild leaves them as they are", before, pipe.checksum())
        if not seed:
            refused(gateway)
            letter(pipe)
        return before


def refused(gateway):
    body = BODIES[14]
    good = signed(body)
    now = time.time()
    nobody = b'{"entity":"model_version","action":"deleted","timestamp":"2026-11-23T15:03:13+00:00","data":{"name":"m"}}'
    for what, status, sent, headers in [
        ("no signature", 401, body, {}),
        ("another secret", 401, body, signed(body, "no secret of MLflow")),
        ("another body", 401, body + b" ", good),
        ("another delivery", 401, body, {**good, "X-MLflow-Delivery-Id": "d-2"}),
        ("one of long ago", 401, body, signed(body, at=now - 3600)),
        ("one of tomorrow", 401, body, signed(body, at=now + 86400)),
        ("no JSON", 400, b"{", signed(b"{")),
        ("an action that no registry has", 422, nobody, signed(nobody)),
        ("the secret before, which still counts", 200, body, signed(body, OLD_SECRET)),
    ]:
        check(f"{what}: {status}", status, send(gateway, sent, headers)[0])
    for reason, count in {"signature": 4, "timestamp": 2, "no_event": 2}.items():
        check(f"counted for {reason}", count, metric(gateway.admin_url, f'metaops_gateway_mlflow_not_taken_total{{reason="{reason}"}}'))


def letter(pipe):
    """What comes by Kafka past the door."""
    record = event_record(b'{"namespace":"n","event":{"entity":"job"}}', format="mlflow")
    pipe.produce(pipe.topic, [(0, b"k", record)])
    pipe.wait_stored()
    check("a dead letter with its bytes", [("register", True)], pipe.query("select stage, value = %s from graph.dead_letters", record))


def unsigned():
    """Without a secret the door of loopback is open, another namespace is a setting, and secrets do not pass."""
    body = BODIES[19].replace(b'"key": "stage"', b'"key": "api_key"').replace(b"prod", b"planted-4711")
    with Pipeline("mlflow-open", 1) as pipe:
        gateway = pipe.gateway(METAOPS_INGEST_MLFLOW_NAMESPACE="registry.example")
        pipe.worker()
        pipe.wait_ready()
        check("taken without a signature", 200, send(gateway, body, {})[0])
        pipe.wait_stored()
        check("namespace", [("registry.example", "churn-model")], pipe.query("select namespace, name from metaops.models"))
        check("the secret is not on the topic", [False], [b"planted-4711" in value for _, _, _, value in pipe.records(pipe.topic)])


def main():
    with tempfile.NamedTemporaryFile("w") as key_file:
        key_file.write(f"{SECRET}\n{OLD_SECRET}\n")
        key_file.flush()
        check("the same graph in every order", 1, len({delivered(seed, key_file.name) for seed in range(3)}))
    unsigned()
    check_training(lambda: Pipeline("mlflow-training", 2), lambda gateway, body: send(gateway, body, {}), BODIES[17:19])
    end()


main()
