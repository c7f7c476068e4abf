"""From a source table to a prediction and back. A job makes features of orders, a training run makes a model of them, which
Kubernetes deploys (captured from a kube-apiserver), and which is asked. What is made of what, against tables by hand from these
events; the same whatever came first."""

import json
import random

from checks import check, end
from own_pipeline import ROOT, Pipeline, post, wait_until
from scenarios import PRODUCER, facet

AUDIT = "/api/v1/kubernetes/audit/prod"
LISTS = [path.read_bytes() for path in sorted((ROOT / "tests/data/kubernetes").glob("req_*.json"))]
ORDERS, FEATURES = ({"namespace": "postgres://shop", "name": "orders"}, {"namespace": "s3://lake", "name": "iris/features"})
MODEL = {"namespace": "s3a://models", "name": "iris/2/",
         "facets": {"metaops_model": facet(namespace="registry", name="iris-classifier", version="7")}}
REPORT = {"namespace": "postgres://shop", "name": "report"}


def completed(number, job, inputs, outputs):
    return json.dumps({
        "eventTime": f"2026-11-23T14:00:0{number}Z", "eventType": "COMPLETE", "producer": PRODUCER,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": f"00000000-0000-4000-8000-00000000000{number}"}, "job": {"namespace": "airflow", "name": job},
        "inputs": inputs, "outputs": outputs}).encode()


LINEAGE = [
    completed(1, "make_features", [ORDERS], [FEATURES, REPORT]),
    completed(2, "train", [FEATURES], [MODEL]),
    completed(3, "other", [REPORT], []),
]
ASKED = {"ce-specversion": "1.0", "ce-type": "io.seldon.serving.inference.request", "ce-source": "http://executor", "ce-id": "1",
         "ce-requestid": "r-1", "ce-time": "2026-11-23T14:59:24Z", "ce-namespace": "fraud", "ce-inferenceservicename": "iris",
         "ce-endpoint": "default", "ce-modelid": "iris"}

STREAM = "iris/default/iris"
VERSION = "iris-classifier@7"
# depth, kind, namespace, name, job. Another deployment declares version 2 of the model iris.
UPSTREAM = [
    (1, "deployment", "fraud", "iris", None),
    (1, "model", "fraud", "iris", None),
    (2, "model_version", "fraud", "iris@2", None),
    (2, "model_version", "registry", VERSION, None),
    (3, "dataset", "s3://lake", "iris/features", "train"),
    (4, "dataset", "postgres://shop", "orders", "make_features"),
]
# The artifact is a dataset, too.
DOWNSTREAM = [
    (1, "dataset", "postgres://shop", "report", "make_features"),
    (1, "dataset", "s3://lake", "iris/features", "make_features"),
    (2, "model_version", "registry", VERSION, "train"),
    (2, "dataset", "s3a://models", "iris/2/", "train"),
    (3, "deployment", "fraud", "iris", None),
    (3, "model", "registry", "iris-classifier", None),
    (4, "inference_stream", "fraud", STREAM, None),
]
WALK = "select depth, kind, namespace, name, via_job_name from metaops."


def steps(seed):
    """What is to be posted, in an order of its own, each twice."""
    all_steps = [("/api/v1/lineage", body, {}) for body in LINEAGE] + [(AUDIT, body, {}) for body in LISTS] + [
        ("/api/v1/cloudevents", json.dumps({"data": {"ndarray": [[1, 2]]}}).encode(), ASKED)]
    if seed:
        all_steps *= 2
        random.Random(seed).shuffle(all_steps)
    return all_steps


def walks(pipe):
    check("from the prediction to the source", UPSTREAM, sorted(pipe.query(
        WALK + "upstream('fraud', %s, kind => 'inference_stream')", STREAM), key=lambda row: row[:4]))
    check("by which way", ["fraud/" + STREAM, "fraud/iris", "registry/" + VERSION, "s3://lake/iris/features", "postgres://shop/orders"],
          pipe.value("select path from metaops.upstream('fraud', %s, kind => 'inference_stream') where name = 'orders'", STREAM))
    check("no further than asked", UPSTREAM[:4], sorted(pipe.query(
        WALK + "upstream('fraud', %s, 2, kind => 'inference_stream')", STREAM), key=lambda row: row[:4]))
    check("from the source to the prediction", sorted(DOWNSTREAM, key=str), sorted(pipe.query(
        WALK + "downstream('postgres://shop', 'orders')"), key=str))
    check("from a job", sorted(DOWNSTREAM[2:], key=str), sorted(
        ((depth + 1, *rest) for depth, *rest in pipe.query(WALK + "downstream('airflow', 'train', kind => 'job')")), key=str))
    check("from the version", [(1, "deployment", "fraud", "iris", None), (1, "model", "registry", "iris-classifier", None),
                               (2, "inference_stream", "fraud", STREAM, None)], pipe.query(
        WALK + "downstream('registry', %s, kind => 'model_version')", VERSION))
    check("what a later version serves is not made of this one before it was told to", [], pipe.query(
        WALK + "downstream('registry', %s, as_of => '2026-11-23 14:59:23Z', kind => 'model_version') where kind = 'deployment'", VERSION))
    check("what nobody knows", [], pipe.query(WALK + "upstream('fraud', 'nobody', kind => 'deployment')"))
    check("who had changed it, newest first", [*["ci-deployer"] * 4, "system:anonymous", "jane@example.org", "bob@example.org",
                                               *["ci-deployer"] * 3],
          [actor for actor, in pipe.query("select actor from metaops.who_changed('Model', 'fraud', 'iris')")])


def stated(minute, *fields):
    return json.dumps({
        "eventTime": f"2026-11-23T15:0{minute}:00Z", "producer": PRODUCER,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent",
        "dataset": {**ORDERS, "facets": {"schema": facet(fields=[{"name": name, "type": "int"} for name in fields])}}}).encode()


def walks_and_loses_a_column(pipe):
    """An alert of the source names models that were trained behind it, and what serves them: iris-server is told to serve version
    2, iris answers with that model; who served version 7 is gone."""
    walks(pipe)
    pipe.alerter()
    served = {"namespace": "s3://models", "name": "other/1", "facets": {"metaops_model": facet(namespace="fraud", name="iris", version="2")}}
    pipe.emit([completed(4, "train_other", [FEATURES], [served]), stated(0, "id", "total"), stated(1, "id")])
    hit = wait_until("the lost column is an alert", lambda: pipe.query("select downstream from metaops.alerts where kind = 'schema'"))
    check("who is hit", [
        (1, "dataset", "postgres://shop", "report"), (1, "dataset", "s3://lake", "iris/features"), (1, "job", "airflow", "make_features"),
        (2, "dataset", "s3://models", "other/1"), (2, "dataset", "s3a://models", "iris/2/"),
        (2, "job", "airflow", "other"), (2, "job", "airflow", "train"), (2, "job", "airflow", "train_other"),
        (2, "model", "fraud", "iris"), (2, "model", "registry", "iris-classifier"),
        (3, "deployment", "fraud", "iris"), (3, "deployment", "fraud", "iris-server"),
    ], [(each["depth"], each["kind"], each["namespace"], each["name"]) for each in hit[0][0]])


def world(seed, look):
    with Pipeline("chain", 1 + seed % 3) as pipe:
        gateway = pipe.gateway()
        pipe.worker()
        pipe.wait_ready()
        for path, body, head in steps(seed):
            status, _, answer = post(gateway.url + path, body, **head)
            if status not in (200, 201):
                check(f"{path} is taken", 200, (status, answer))
        pipe.wait_stored()
        look(pipe)
        return pipe.checksum()


def main():
    first = world(0, walks)
    world(3, walks_and_loses_a_column)
    check("the same graph in every order", {first}, {world(seed, walks) for seed in (1, 2)} | {first})
    end()


main()
