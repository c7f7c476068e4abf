"""Alerts of versions that serve and were trained on other columns than their inputs have now, or that are asked with other tensors
than their signature declares, or their server. Small worlds, each of one service with a model and features of its name, whose alerts are counted by
hand; in several orders, with duplicates. What a dataset's own alert tells is told once it was accepted."""

import datetime
import json
import random

from avro_records import event_record
from checks import check, end
from own_pipeline import Pipeline, post

NOW = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
AUDIT, LINEAGE, MLFLOW, PAYLOADS = (
    "/api/v1/kubernetes/audit/prod", "/api/v1/lineage", "/api/v1/mlflow/webhooks", "/api/v1/cloudevents")
A, B, B_TEXT, C = ("a", "int"), ("b", "int"), ("b", "text"), ("c", "int")


def ago(minutes, seconds=0):
    return NOW - datetime.timedelta(minutes=minutes, seconds=-seconds)


def text(moment):
    return moment.isoformat().replace("+00:00", "Z")


def facet(**members):
    return {"_producer": "p", "_schemaURL": "https://example.org/facet.json", **members}


def features(service, columns=()):
    facets = {"schema": facet(fields=[{"name": name, "type": kind} for name, kind in columns])} if columns else {}
    return {"namespace": "s3://lake", "name": f"{service}/features", "facets": facets}


def lineage(minutes, **members):
    return LINEAGE, {"eventTime": text(ago(minutes)), "producer": "https://example.org/tool",
                     "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json", **members}


def stated(service, minutes, *columns):
    return lineage(minutes, dataset=features(service, columns))


def trained(number, service, version, minutes, *read):
    """A run that read the features, of which it says nothing or these columns, and made that version."""
    model = facet(namespace="fraud", name=service, version=version)
    return lineage(minutes, eventType="COMPLETE", run={"runId": f"00000000-0000-4000-8000-0000000000{number:02}"},
                   job={"namespace": "ml", "name": f"train_{service}"}, inputs=[features(service, read)],
                   outputs=[{"namespace": "s3://models", "name": f"{service}/{version}", "facets": {"metaops_model": model}}])


def deployed(service, version, minutes):
    names = {"namespace": "fraud", "name": service}
    metadata = {**names, "uid": f"uid-{service}", "annotations": {
        "metaops.io/model-version": f"{service}:{version}", "metaops.io/owner": "team-fraud"}}
    return AUDIT, {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [{
        "level": "RequestResponse", "auditID": f"{service}-{minutes}", "stage": "ResponseComplete", "requestURI": "/", "verb": "update",
        "user": {"username": "jane"}, "sourceIPs": ["10.0.0.1"], "responseStatus": {"code": 200},
        "objectRef": {**names, "resource": "inferenceservices", "apiGroup": "serving.kserve.io", "apiVersion": "v1beta1"},
        "responseObject": {"kind": "InferenceService", "metadata": metadata, "spec": {}},
        "requestReceivedTimestamp": text(ago(minutes)), "stageTimestamp": text(ago(minutes))}]}


def payload(service, kind, minutes, seconds, data):
    return PAYLOADS, {
        "specversion": "1.0", "id": f"{service}-{kind}-{minutes}-{seconds}", "source": "http://server",
        "type": f"io.seldon.serving.inference.{kind}", "time": text(ago(minutes, seconds)), "namespace": "fraud",
        "inferenceservicename": service, "endpoint": "", "modelid": service, "requestid": f"{service}-{minutes}-{seconds}", "data": data}


def answer(service, minutes, version="2"):
    return payload(service, "response", minutes, 0, {"model_name": service, "model_version": version, "outputs": [
        {"name": "y", "datatype": "INT64", "shape": [1], "data": [0]}]})


def asked(service, minutes, *tensors):
    """A request with tensors (name, type, shape), and its answer."""
    return [payload(service, "request", minutes, 0, {"inputs": [
        {"name": name, "datatype": kind, "shape": shape, "data": []} for name, kind, shape in tensors]}), answer(service, minutes)]


def signed(service, signature):
    return MLFLOW, {"entity": "model_version", "action": "created", "timestamp": text(ago(95)).replace("Z", "+00:00"), "data": {
        "name": service, "version": "2", "source": f"s3://models/{service}/2", "run_id": None, "tags": {"signature": signature}, "description": ""}}


def described(service):
    """As poll saw a server that tells what version 2 takes: x, two columns wide."""
    inputs = [{"name": "x", "datatype": "FP64", "shape": [-1, 2]}]
    return None, {
        "specversion": "1.0", "id": service, "source": "urn:metaops:poll", "type": "io.metaops.server.observed", "time": text(ago(85)), "data": {
            "namespace": "fraud", "server": service, "state": "READY", "reason": "", "isWhole": True, "models": [
                {"model": service, "version": "2", "state": "READY", "reason": "", "metadata": {"platform": "sklearn", "inputs": inputs}}]}}


def learned(number, service, *read):
    """Version 2 was trained on a and b, and serves."""
    return [stated(service, 100, A, B), trained(number, service, "2", 90, *read), deployed(service, "2", 80)]


OF_TENSORS = json.dumps({"inputs": [{"name": "x", "datatype": "FP64", "shape": [-1, 2]}]})
OF_COLUMNS = json.dumps({"inputs": json.dumps([{"name": "a", "type": "double"}, {"name": "b", "type": "long", "required": False}])})
UNNAMED = json.dumps({"inputs": json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 4]}}])})
X_RIGHT, X_WRONG = ("x", "FP64", [1, 2]), ("x", "FP32", [5, 3])
WORLD = [
    *learned(1, "same"), stated("same", 50, A, B),
    *learned(2, "gone"), stated("gone", 50, A),
    # Of what it did not read, and of what it did.
    *learned(3, "unread", A), stated("unread", 50, A, B_TEXT),
    *learned(4, "read", A, B), stated("read", 50, A, B_TEXT),
    *learned(5, "more"), stated("more", 50, A, B, C),
    # The next version was trained behind the change.
    *learned(6, "again"), stated("again", 50, A), trained(7, "again", "3", 40), deployed("again", "3", 30),
    *learned(8, "back"), stated("back", 50, A), stated("back", 40, A, B),
    # Changed before the training, and before anybody served it.
    stated("before", 100, A, B), stated("before", 95, A), trained(9, "before", "2", 90), deployed("before", "2", 80),
    stated("later", 100, A, B), trained(10, "later", "2", 90), stated("later", 50, A), deployed("later", "2", 30),
    # Only answers tell that it serves.
    stated("answers", 100, A, B), trained(11, "answers", "2", 90), answer("answers", 80), answer("answers", 20), stated("answers", 50, A),
    # Of these the datasets' own alerts stay open, or are ignored.
    *learned(12, "open"), stated("open", 50, A), *learned(13, "ignored"), stated("ignored", 50, A),
    signed("right", OF_TENSORS), *asked("right", 20, X_RIGHT), signed("wrong", OF_TENSORS), *asked("wrong", 20, X_WRONG),
    signed("columns", OF_COLUMNS), *asked("columns", 20, ("a", "FP64", [7, 1])),
    signed("unnamed", UNNAMED), *asked("unnamed", 20, ("input-0", "FP32", [1, 4])),
    signed("words", "see the wiki"), *asked("words", 20, X_WRONG),
    described("served"), *asked("served", 20, X_WRONG), described("fits"), *asked("fits", 20, X_RIGHT),
    # A request that failed says nothing of what is asked.
    signed("failed", OF_TENSORS), *asked("failed", 20, X_WRONG), payload("failed", "response", 20, 9, {"error": "wrong shape"}),
]
GONE, RETYPED = {"change": "removed", "field": "b", "type": "int"}, {"change": "retyped", "field": "b", "from": "int", "to": "text"}


def other(service, minutes, change=GONE, status="open"):
    return service, status, f"{service}: serves {service}@2, trained on another schema of {service}/features", ago(minutes), [change]


WRONG = [(service, "open", f"{service}: requests to {service}@2 are not what its signature declares", ago(20), [
    {"change": "removed", "what": "tensor", "value": "x FP64 [-1, 2]"}, {"change": "added", "what": "tensor", "value": "x FP32 [-1, 3]"}])
    for service in ("served", "wrong")]
# What is past is history, whatever the dataset's alert says.
HISTORY = [other("again", 50, status="resolved"), other("back", 50, status="resolved")]
TOLD = sorted([*HISTORY, *WRONG, other("gone", 50), other("read", 50, RETYPED), other("later", 30), other("answers", 50)])
ALERTS = ("select name, status, title, event_time, detail -> 'changes' from metaops.alerts"
          " where kind = 'model' and detail ->> 'fact' in ('inputs', 'tensors') order by 1, 2, 3")


def tell(pipe, gateway, steps):
    for path, body in steps:
        if path is None:  # no door takes it
            pipe.produce(pipe.topic, [(None, None, event_record(json.dumps(body).encode(), format="cloudevents"))])
            continue
        kind = "application/cloudevents+json" if path == PAYLOADS else "application/json"
        status, _, said = post(gateway.url + path, json.dumps(body).encode(), **{"Content-Type": kind})
        if status not in (200, 201):
            check(f"{path} is taken", 200, (status, said))
    pipe.wait_stored()


def judge(pipe):
    """As the alerter does, an hour later; what was judged before is judged again."""
    pipe.query("update graph.served_watch set look_at = least(look_at, now())")
    pipe.query("select graph.judge_served(1000, now() + interval '1 hour')")
    check("all could be judged", [], pipe.query("select * from graph.served_watch where failure is not null"))
    return pipe.query(ALERTS)


def decide(pipe):
    """The changes of datasets were meant; of one they stay open, of one nobody wants to hear."""
    pipe.query("select metaops.accept_alert(alert_id) from metaops.alerts where kind = 'schema' and name not in ('open/features', 'ignored/features')")
    pipe.query("select metaops.ignore_alert(alert_id) from metaops.alerts where kind = 'schema' and name = 'ignored/features'")


def compare(what, expected, found):
    for line in found:
        check(f"{what}: {line[2]}", next((each for each in expected if each[:2] == line[:2]), None), line)
    check(f"{what}: nothing is missing", [], [line for line in expected if line not in found])


def shuffled(seed):
    steps = list(WORLD)
    if seed:
        steps *= 2
        random.Random(seed).shuffle(steps)
    with Pipeline("trained", 1 + seed % 3) as pipe:
        gateway = pipe.gateway(METAOPS_INGEST_MLFLOW_NAMESPACE="fraud")
        for number in range(1 + seed % 2):
            pipe.worker(number + 1)
        pipe.wait_ready()
        tell(pipe, gateway, steps)
        compare(f"order {seed}, what datasets tell themselves is not told again", sorted([*HISTORY, *WRONG]), judge(pipe))
        decide(pipe)
        compare(f"order {seed}, once that is accepted", TOLD, judge(pipe))
        check(f"order {seed}: again, nothing new", TOLD, judge(pipe))
        check(f"order {seed}: history is told to nobody", [], pipe.query(
            "select alert_id from graph.alert_outbox where alert ->> 'kind' = 'model' and alert ->> 'name' in ('again', 'back')"))
        if not seed:
            later(pipe, gateway)


def later(pipe, gateway):
    detail, downstream = pipe.query("select detail, downstream from metaops.alerts where kind = 'model' and name = 'answers' and status = 'open'")[0]
    check("what it was trained on, and by which run", ({"namespace": "s3://lake", "name": "answers/features"}, "answers@2",
                                                      "00000000-0000-4000-8000-000000000011"),
          (detail["input"], detail["version"], detail["training_run"]))
    check("who is hit", [("inference_stream", "answers/answers")], [(each["kind"], each["name"]) for each in downstream])
    check("who answers for it", [["team-fraud"]], [pipe.value(
        "select detail -> 'owners' from metaops.alerts where kind = 'model' and name = 'gone' and status = 'open'")])
    tell(pipe, gateway, [trained(20, "gone", "3", 40), deployed("gone", "3", 10), stated("read", 5, A, B), *asked("wrong", 10, X_RIGHT)])
    over = {"gone", "read", "wrong"}
    compare("a version behind the change, the old schema, the declared tensors", sorted(
        (line[0], "resolved", *line[2:]) if line[0] in over else line for line in TOLD), judge(pipe))


def main():
    for seed in range(3):
        shuffled(seed)
    end()


main()
