"""metaops.minimum_metadata of models, versions, deployments and streams of predictions. A small world: features that pass their
gate, a training run, what MLflow, Kubernetes, an inference service and a detector tell of the model, and a server of which nothing
but one answer is known. Scores counted by hand from the table of fields; the same in any order and with duplicates. Then a tag is
taken away, and comes back; and limits make old what is told no more. A second model grows and loses week by week: its owner's trend."""

import datetime
import json
import os
import random
import subprocess

from checks import check, end
from own_pipeline import LIMIT_S, PROGRAM, Pipeline, post, role_dsn

AUDIT, LINEAGE, MLFLOW, PAYLOADS = (
    "/api/v1/kubernetes/audit/prod", "/api/v1/lineage", "/api/v1/mlflow/webhooks", "/api/v1/cloudevents")
TOOL, DAY = "https://example.org/tool/1.0", "2026-11-23T"
IMAGE = "registry.example.org/server@sha256:" + "ab" * 32


THIS_WEEK = datetime.date.today() - datetime.timedelta(days=datetime.date.today().weekday())
WEEKS = 6


def monday(week):
    """Of the week with this number, from 0 on; the last one is this week."""
    return THIS_WEEK - datetime.timedelta(weeks=WEEKS - 1 - week)


def moment(time):
    """Of DAY; of the Monday of a week where it is (week, time)."""
    return f"{DAY}{time}" if isinstance(time, str) else f"{monday(time[0])}T{time[1]}"


def facet(**members):
    return {"_producer": TOOL, "_schemaURL": "https://example.org/facet.json", **members}


def lineage(time, **members):
    return LINEAGE, {"eventTime": f"{moment(time)}Z", "producer": TOOL, "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json", **members}


def completed(number, time, job, inputs, outputs, **facets):
    return lineage(time, eventType="COMPLETE", run={"runId": f"00000000-0000-4000-8000-00000000000{number}", "facets": facets},
                   job={"namespace": "airflow", "name": job}, inputs=inputs, outputs=outputs)


def dataset(namespace, name, **facets):
    return {"namespace": namespace, "name": name, "facets": facets}


def webhook(entity, action, time, **data):
    return MLFLOW, {"entity": entity, "action": action, "timestamp": f"{moment(time)}+00:00", "data": data}


def payload(kind, number, time, data, **names):
    return PAYLOADS, {"specversion": "1.0", "id": f"{kind}-{number}", "source": "http://server", "type": f"io.seldon.serving.inference.{kind}",
                      "time": f"{moment(time)}Z", "requestid": f"r-{number}", "data": data, **names}


def applied(audit_id, time, generation, annotations, name="iris", stored="s3://models/iris/2"):
    """Someone creates or updates the inference service."""
    names = {"namespace": "fraud", "name": name}
    metadata = {**names, "uid": f"uid-{name}", "generation": generation, "annotations": annotations}
    loads = {"storageUri": stored, "image": IMAGE, "resources": {"limits": {"cpu": "1"}}}
    return AUDIT, {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [{
        "level": "RequestResponse", "auditID": audit_id, "stage": "ResponseComplete", "requestURI": "/", "verb": "update",
        "user": {"username": "ci-deployer"}, "sourceIPs": ["10.0.0.1"], "responseStatus": {"code": 200},
        "objectRef": {**names, "resource": "inferenceservices", "apiGroup": "serving.kserve.io", "apiVersion": "v1beta1"},
        "responseObject": {"kind": "InferenceService", "metadata": metadata, "spec": {"replicas": 1, "predictor": {"model": loads}}},
        "requestReceivedTimestamp": f"{moment(time)}Z", "stageTimestamp": f"{moment(time)}Z"}]}


STREAM = {"namespace": "fraud", "inferenceservicename": "iris", "endpoint": "default", "modelid": "iris-classifier"}
ROWS = [{"name": "x", "datatype": "FP64", "shape": [1, 2], "data": [1, 2]}]
TENSORS = [{"name": "y", "datatype": "INT64", "shape": [1], "data": [0]}]
FEATURES = {"schema": facet(fields=[{"name": "a", "type": "int"}]), "version": facet(datasetVersion="42")}
TAGS = {"licence": "Apache-2.0", "approver": "jane", "test_dataset": "s3://lake/holdout"}
MODEL_TAGS = {"Owner": "team-fraud", "intended_use": "cards", "limitation": "no loans"}
GONE = "concluded_licence"
WORLD = [
    completed(1, "10:00:00", "make_features", [], [dataset("s3://lake", "iris/features", **FEATURES)]),
    lineage("10:00:01", dataset=dataset("s3://lake", "iris/features", ownership=facet(owners=[{"name": "team-data"}]))),
    completed(2, "11:00:00", "train", [dataset("s3://lake", "iris/features", version=facet(datasetVersion="42"))],
              [dataset("s3a://models", "iris/2/", metaops_model=facet(
                  namespace="registry", name="iris-classifier", version="7", digest="sha256:" + "cd" * 32))],
              training=facet(packages={"scikit-learn": "1.5"}, metrics={"f1": 0.93}), executionParameters=facet(parameters=[{"key": "depth", "value": "3"}])),
    webhook("registered_model", "created", "11:00:01", name="iris-classifier", tags=MODEL_TAGS, description=""),
    webhook("model_version", "created", "11:00:02", name="iris-classifier", version="7", source="s3://models/iris/2", run_id=None, tags=TAGS, description=""),
    webhook("model_version_tag", "set", "11:00:03", name="iris-classifier", version="7", key=GONE, value="Apache-2.0"),
    applied("a-1", "12:00:00", 1, {"metaops.io/model-version": "iris-classifier:7"}),
    applied("a-2", "12:01:00", 2, {
        "metaops.io/model-version": "iris-classifier:7", "metaops.io/change-reference": "CHG-1", "metaops.io/dataset": "s3://lake/iris/features",
        "metaops.io/purpose": "stops fraud"}),
    payload("request", 1, "12:02:00.100", {"inputs": ROWS}, **STREAM),
    payload("response", 1, "12:02:00.105", {"model_name": "iris-classifier", "model_version": "7", "outputs": TENSORS}, **STREAM),
    payload("drift", 1, "12:03:00", {"data": {"is_drift": 0}, "meta": {"name": "KSDrift"}}, **{**STREAM, "source": "detector"}),
    payload("response", 2, "12:02:00", {"model_name": "other", "outputs": TENSORS}, inferenceservicename="plain", modelid="other"),
]

# Week by week: an owner; a version; licences, a digest and a deployment; no licence any more, and answers; another digest and
# an approver, and the deployment is changed.
TRENDING, SERVES = {"metaops.io/model-version": "trend:1", "metaops.io/owner": "team-trend"}, {
    "namespace": "fraud", "inferenceservicename": "trend-svc", "endpoint": "default", "modelid": "trend"}


def version_tag(week, action, key, **value):
    return webhook("model_version_tag", action, (week, "10:00:00"), name="trend", version="1", key=key, **value)


TREND = [
    webhook("registered_model", "created", (0, "09:00:00"), name="trend", tags={"owner": "team-trend"}, description=""),
    webhook("model_version", "created", (1, "09:00:00"), name="trend", version="1", source="s3://models/trend/1", run_id=None, tags={}, description=""),
    version_tag(2, "set", "licence", value="MIT"), version_tag(2, "set", "concluded_licence", value="MIT"),
    version_tag(2, "set", "digest", value="sha256:" + "ab" * 32),
    applied("t-1", (2, "11:00:00"), 1, {**TRENDING, "metaops.io/change-reference": "CHG-1"}, "trend-svc", "s3://models/trend/1"),
    version_tag(3, "deleted", "licence"),
    payload("request", 11, (3, "12:02:00.100"), {"inputs": ROWS}, **SERVES),
    payload("response", 11, (3, "12:02:00.105"), {"model_name": "trend", "model_version": "1", "outputs": TENSORS}, **SERVES),
    version_tag(4, "set", "digest", value="sha256:" + "cd" * 32),
    version_tag(4, "set", "approver", value="jane"),
    applied("t-2", (4, "11:00:00"), 2, TRENDING, "trend-svc", "s3://models/trend/1"),
]
# Of 15: object, generation, version, actor, image, replicas; a reference; ready. Of 17: all but what is recommended. Of 8: name,
# owner; a version. Of 25: version, artifact, released; licences and digest; digest and tensors;
# an approver.
BY_WEEK = [(monday(week), kind, 1, passed, score) for kind, first, passed, scores in (
    ("deployment", 2, [0] * 4, [0.8, 0.933, 0.733, 0.733]),
    ("inference_stream", 3, [1] * 3, [0.824] * 3),
    ("model", 0, [0, 1, 1, 1, 1, 1], [0.5] + [0.75] * 5),
    ("model_version", 1, [0] * 5, [0.24, 0.4, 0.4, 0.44, 0.44]),
) for week, passed, score in zip(range(first, WEEKS), passed, scores)]

COLUMNS = ("kind, namespace, name, version, score::float, lineage::float, auditability::float, accountability::float,"
           " reproducibility::float, gate, missing, missing_mandatory, inferred, owner")
KINDS = "('model', 'model_version', 'deployment', 'inference_stream')"
UNKNOWN = ["object", "generation", "model_version", "last_actor", "change_reference", "image_digest", "replicas"]
OPEN = ["test_data", "released", "licences", "approver", "energy", "explainability"]
# Weights by hand: a model has 8, a version 25, a deployment 15, a stream 17.
EXPECTED = [
    # Nothing but an answer: it is there, and it was ready.
    ("deployment", "", "plain", None, 0.133, 0.0, 0.286, 0.0, 0.0, False, [*UNKNOWN, "monitor"], [
        "object", "generation", "model_version", "last_actor", "image_digest"], [], None),
    ("deployment", "fraud", "iris", None, 1.0, 1.0, 1.0, 1.0, 1.0, True, [], [], [], "team-fraud"),
    # Endpoint and deployment half, protocol and counts whole: 6 of 17.
    ("inference_stream", "", "plain/other", None, 0.353, 0.333, 0.556, 0.0, 0.0, False,
     ["features", "purpose", "model_version", "tensors", "latency", "drift_evaluation"], ["model_version", "tensors", "latency"], ["endpoint", "deployment"], None),
    # A purpose without retention.
    ("inference_stream", "fraud", "iris/default/iris-classifier", None, 0.941, 1.0, 1.0, 0.0, 1.0, True, ["purpose"], [], [], "team-fraud"),
    ("model", "", "other", None, 0.25, 0.0, 0.667, 0.0, None, False, ["version", "owner", "intended_use", "risk_class"], ["version", "owner"], [], None),
    # Kubernetes and payloads name it in their own namespace.
    ("model", "fraud", "iris-classifier", None, 0.5, 1.0, 0.667, 0.0, None, False, ["owner", "intended_use", "risk_class"], ["owner"], [], None),
    ("model", "registry", "iris-classifier", None, 0.875, 1.0, 0.667, 1.0, None, True, ["risk_class"], [], [], "team-fraud"),
    # What follows from the run that wrote its artifact counts half: 10.5 of 25.
    ("model_version", "fraud", "iris-classifier", "7", 0.42, 0.4, 0.5, 0.0, 0.643, False, ["digest", *OPEN], ["digest", "released", "licences"],
     ["run", "training_data", "framework", "hyperparameters", "metric"], None),
    ("model_version", "registry", "iris-classifier", "7", 0.92, 1.0, 0.75, 1.0, 1.0, True, ["energy", "explainability"], [], [], "team-fraud"),
]


def look(pipe, what, expected):
    found = pipe.query(f"select {COLUMNS} from metaops.minimum_metadata where kind in {KINDS} and name !~ '^trend' order by kind, namespace, name")
    for line in found:
        check(f"{what}: {' '.join(line[:3])}", next((each for each in expected if each[:4] == line[:4]), None), line)
    check(f"{what}: each once", [each[:4] for each in expected], [line[:4] for line in found])


def gate(pipe, *words):
    """As a role that may only read. -> exit code, lines"""
    done = subprocess.run([PROGRAM, "gate", *words], capture_output=True, text=True, timeout=LIMIT_S, env={
        **pipe.environment, "METAOPS_POSTGRES_CONNINFO": role_dsn("reader", pipe.database)})
    return done.returncode, done.stdout.splitlines() or done.stderr.splitlines()


def gates(pipe):
    check("a version passes", (0, ["passed   model_version registry iris-classifier version 7",
                                   "score    0.920 (lineage 1.000, auditability 0.750, accountability 1.000, reproducibility 1.000)"]),
          gate(pipe, "model_version", "registry", "iris-classifier", "--version", "7"))
    check("the latest, and as walks name it", [0, 0], [gate(pipe, "model_version", "registry", name)[0] for name in ("iris-classifier", "iris-classifier@7")])
    check("who misses what", (1, [
        "failed   model fraud iris-classifier",
        "score    0.500 (lineage 1.000, auditability 0.667, accountability 0.000, reproducibility -)",
        "missing  owner           tag owner or supplier; inferred: facet ownership of an artifact of it; usually from: its owner, in the registry",
        "wanted   intended_use    tags intended_use and limitation; usually from: its owner, in the registry",
        "wanted   risk_class      tag risk_class; usually from: its owner, in the registry",
        "owner    nobody is named"]), gate(pipe, "model", "fraud", "iris-classifier"))
    check("what serves, and its version", [0, 0, 1], [gate(pipe, "deployment", "fraud", "iris", *words)[0] for words in (
        (), ("--version", "7"), ("--version", "8"))])
    check("what it answers", [0, 1], [gate(pipe, "inference_stream", *names)[0] for names in (
        ("fraud", "iris/default/iris-classifier"), ("", "plain/other"))])
    check("unknown things fail", [1] * 3, [gate(pipe, *words)[0] for words in (
        ("model", "fraud", "none"), ("model_version", "registry", "iris-classifier", "--version", "8"), ("deployment", "fraud", "none"))])
    said = dict(pipe.query("select field, state from metaops.gate('model_version', 'registry', 'iris-classifier', '7')"))
    check("observed and declared", ("observed", "observed", "declared", "declared", "missing"), tuple(
        said[field] for field in ("run", "released", "licences", "approver", "energy")))


def judge(pipe):
    pipe.query("update graph.model_gates set look_at = now()")
    while pipe.value("select exists (select from graph.model_gates where look_at <= now()) and graph.judge_model_gates('1 minute') is not null"):
        pass
    check("all could be judged", [], pipe.query("select * from graph.model_gates where failure is not null"))
    return pipe.query("select subject_kind, namespace, name, status, title from metaops.alerts where kind = 'contract' order by 1, 2, 3")


def falls(pipe, gateway):
    check("nobody fell", [], judge(pipe))
    tell(gateway, [webhook("model_version_tag", "deleted", "13:00:00", name="iris-classifier", version="7", key=GONE)])
    pipe.wait_stored()
    fallen = [("deployment", "fraud", "iris", "open", "iris: fell through its gate: version_gate missing"),
              ("model", "registry", "iris-classifier", "open", "iris-classifier@7: fell through its gate: licences missing")]
    judge(pipe)
    check("a tag is gone: the version fell, and what serves it", fallen, judge(pipe))
    check("who answers for it", [["team-fraud"]], [pipe.value("select detail -> 'owners' from metaops.alerts where subject_kind = 'model'")])
    tell(gateway, [webhook("model_version_tag", "set", "14:00:00", name="iris-classifier", version="7", key=GONE, value="MIT")])
    pipe.wait_stored()
    judge(pipe)
    check("it is back", [(*each[:3], "resolved", each[4]) for each in fallen], judge(pipe))
    look(pipe, "after it", EXPECTED)


def trend(pipe, what):
    check(f"{what}: week by week", BY_WEEK, pipe.query(
        "select week, kind, assets::int, passed::int, score::float from metaops.minimum_metadata_by_owner"
        " where owner = 'team-trend' and week <= %s order by kind, week", monday(WEEKS - 1)))


def stream(pipe, name):
    return pipe.query("select score::float, missing from metaops.minimum_metadata where kind = 'inference_stream' and name = %s", name)[0]


def limits(pipe, gateway):
    """Nothing of the world is of the last day."""
    pipe.query("select metaops.limit_freshness('inference_stream', '1 day')")
    seen = ["model_version", "tensors", "counts", "latency", "drift_evaluation"]
    # Endpoint, object and features whole, the protocol by its door: 6 of 17. By half, endpoint, protocol and deployment.
    check("a stream that nobody sees", [(0.353, ["purpose", *seen]), (0.176, ["features", "purpose", *seen])], [
        stream(pipe, name) for name in ("iris/default/iris-classifier", "plain/other")])
    others = [line for line in EXPECTED if line[0] != "inference_stream"]
    check("and nothing else", others, [line for line in pipe.query(
        f"select {COLUMNS} from metaops.minimum_metadata where kind in {KINDS} and name !~ '^trend' order by kind, namespace, name")
        if line[0] != "inference_stream"])
    pipe.query("select metaops.limit_freshness('inference_stream', null)")
    tell(gateway, [payload("request", 3, "14:00:00", {"inputs": ROWS}, **STREAM)])
    pipe.wait_stored()
    check("a verdict two hours old", (0.882, ["purpose", "drift_evaluation"]), stream(pipe, "iris/default/iris-classifier"))
    pipe.query("select metaops.limit_freshness('drift_evaluation', '2 hours')")
    check("may be that old", (0.941, ["purpose"]), stream(pipe, "iris/default/iris-classifier"))
    for kind, most in (("model", 0.25), ("model_version", 0.08), ("deployment", 0.133)):
        pipe.query("select metaops.limit_freshness(%s, '1 day')", kind)
        check(f"of a {kind} its name is known", most, pipe.value(
            "select max(score)::float from metaops.minimum_metadata where kind = %s and name !~ '^trend'", kind))


def tell(gateway, steps):
    for path, body in steps:
        kind = "application/cloudevents+json" if path == PAYLOADS else "application/json"
        status, _, answer = post(gateway.url + path, json.dumps(body).encode(), **{"Content-Type": kind})
        if status not in (200, 201):
            check(f"{path} is taken", 200, (status, answer))


def world(seed):
    """The world in an order of its own, each twice. -> its checksum"""
    steps = WORLD + TREND
    if seed:
        steps *= 2
        random.Random(seed).shuffle(steps)
    with Pipeline("minimum-models", 1 + seed % 3) as pipe:
        gateway = pipe.gateway(METAOPS_INGEST_MLFLOW_NAMESPACE="registry")
        for number in range(1 + seed % 2):
            pipe.worker(number + 1)
        pipe.wait_ready()
        pipe.query("select metaops.limit_freshness('inference_stream', null)")
        tell(gateway, steps)
        pipe.wait_stored()
        look(pipe, f"order {seed}", EXPECTED)
        trend(pipe, f"order {seed}")
        if not seed:
            gates(pipe)
            falls(pipe, gateway)
            trend(pipe, "after it")
            limits(pipe, gateway)
            return None
        return pipe.checksum()


def main():
    world(0)
    seeds = range(1, 3 if "METAOPS_TEST_SHORT" in os.environ else 7)
    check("the same graph in every order", 1, len({world(seed) for seed in seeds}))
    end()


main()
