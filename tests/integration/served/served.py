"""Alerts of what serves models: another version answers and nobody known changed it; the training run of what is served is not
known. Small worlds whose alerts are counted by hand, in several orders and with duplicates; what comes late explains, before
there is an alert and after it."""

import datetime
import json
import random

from checks import check, end
from own_pipeline import Pipeline, post, wait_until
from receiver import Receiver

NOW = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
AUDIT, LINEAGE, PAYLOADS = "/api/v1/kubernetes/audit/prod", "/api/v1/lineage", "/api/v1/cloudevents"


def ago(minutes, seconds=0):
    return (NOW - datetime.timedelta(minutes=minutes, seconds=-seconds)).isoformat().replace("+00:00", "Z")


def answer(service, version, minutes, seconds=0):
    return PAYLOADS, {
        "specversion": "1.0", "id": f"{service}-{minutes}-{seconds}", "source": "http://server", "type": "io.seldon.serving.inference.response",
        "time": ago(minutes, seconds), "namespace": "fraud", "inferenceservicename": service, "endpoint": "", "modelid": service,
        "requestid": f"{service}-{minutes}-{seconds}-{version}", "data": {
            "model_name": service, "model_version": version, "outputs": [{"name": "y", "datatype": "INT64", "shape": [1], "data": [0]}]}}


def action(service, actor, minutes, code=200, resource="inferenceservices", spec=None, version=None):
    names = {"namespace": "fraud", "name": service}
    annotations = {"metaops.io/model-version": version} if version else {}
    return AUDIT, {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [{
        "level": "RequestResponse", "auditID": f"{service}-{minutes}", "stage": "ResponseComplete", "requestURI": "/", "verb": "update",
        "user": {"username": actor}, "sourceIPs": ["10.0.0.1"], "responseStatus": {"code": code},
        "objectRef": {**names, "resource": resource, "apiGroup": "serving.kserve.io", "apiVersion": "v1beta1"},
        "responseObject": {"kind": "InferenceService", "metadata": {**names, "uid": f"uid-{service}", "annotations": annotations}, "spec": spec or {}},
        "requestReceivedTimestamp": ago(minutes), "stageTimestamp": ago(minutes)}]}


def trained(number, service, version):
    """A run whose output is that version of the model that a service serves."""
    facet = {"_producer": "p", "_schemaURL": "https://example.org/facet.json", "namespace": "fraud", "name": service, "version": version}
    return LINEAGE, {
        "eventTime": ago(900), "eventType": "COMPLETE", "producer": "https://example.org/trainer",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json", "run": {"runId": f"00000000-0000-4000-8000-0000000000{number:02}"},
        "job": {"namespace": "ml", "name": "train"}, "outputs": [
            {"namespace": "s3://models", "name": f"{service}/{version}", "facets": {"metaops_model": facet}}]}


# A run is known of every version 2; of "untraced" and "loads" none is.
SERVICES = ["calm", "explained", "told", "silent", "anonymous", "refused", "endpoint", "back", "canary", "first", "old", "nobody", "over"]
WORLD = [
    *(trained(number, service, "2") for number, service in enumerate(SERVICES)), trained(20, "back", "1"), trained(21, "traced", "7"),
    # One version, ever.
    answer("calm", "2", 30), answer("calm", "2", 20),
    # Somebody changed it in between.
    answer("explained", "1", 30), action("explained", "jane", 20), answer("explained", "2", 19),
    # He had told it to serve that version before the old one answered for the first time that is known.
    action("told", "jane", 31, version="told:2"), answer("told", "1", 30), answer("told", "2", 19),
    answer("silent", "1", 30), answer("silent", "1", 25), answer("silent", "2", 19), answer("silent", "2", 18),
    answer("anonymous", "1", 30), action("anonymous", "system:anonymous", 20), answer("anonymous", "2", 19),
    # He was not allowed to.
    answer("refused", "1", 30), action("refused", "bob", 20, 403), answer("refused", "2", 19),
    # Something else of that name, which controllers keep.
    answer("endpoint", "1", 30), action("endpoint", "system:serviceaccount:kube-system:endpoint-controller", 20, resource="endpoints"),
    answer("endpoint", "2", 19),
    # There and back again: one change is history, the other holds.
    answer("back", "1", 30), answer("back", "2", 20), answer("back", "1", 10),
    # Two at once from the first minute on.
    answer("canary", "1", 30, 1), answer("canary", "2", 30, 2), answer("canary", "1", 30, 3), answer("canary", "1", 20), answer("canary", "2", 20, 1),
    # The first minute, in which one ends before the other begins.
    answer("first", "1", 30, 1), answer("first", "1", 30, 2), answer("first", "2", 30, 3),
    # History.
    answer("old", "1", 9000), answer("old", "2", 8999),
    # Kubernetes was told so by nobody known: one alert, whether answers show it or not; one that somebody known ended.
    action("nobody", "jane", 30, version="nobody:1"), answer("nobody", "1", 29), action("nobody", "system:anonymous", 20, version="nobody:2"),
    answer("nobody", "2", 19), trained(22, "nobody", "1"), trained(23, "over", "1"),
    action("over", "jane", 30, version="over:1"), action("over", "system:anonymous", 20, version="over:2"), action("over", "jane", 10, version="over:1"),
    # Served as Kubernetes was told: with a run, with none by version, with none by artifact.
    action("traced", "jane", 20, version="traced:7"), action("untraced", "jane", 20, version="untraced:8"),
    action("loads", "jane", 20, spec={"predictor": {"model": {"storageUri": "s3://models/nobody"}}}),
]


def changed(service, before, after, minutes, status="open", seconds=0):
    title = f"{service}: {service} {after} answers instead of {before}, and nobody known changed it"
    return (service, status, title, NOW - datetime.timedelta(minutes=minutes, seconds=-seconds))


def untraced(service, named, minutes, status="open"):
    return (service, status, f"{service}: serves {named}, whose training run nobody knows", NOW - datetime.timedelta(minutes=minutes))


def ordered(service, minutes, status):
    title = f"{service}: was told to serve {service}@2 instead of {service}@1 by nobody known"
    return (service, status, title, NOW - datetime.timedelta(minutes=minutes))


EXPECTED = sorted([
    ordered("nobody", 20, "open"), ordered("over", 20, "resolved"),
    changed("silent", "1", "2", 19), changed("anonymous", "1", "2", 19), changed("refused", "1", "2", 19), changed("endpoint", "1", "2", 19),
    changed("back", "1", "2", 20, "resolved"), changed("back", "2", "1", 10), changed("first", "1", "2", 30, seconds=3), changed("old", "1", "2", 8999),
    untraced("untraced", "untraced@8", 20), untraced("loads", "loads of s3://models/nobody", 20),
])
ALERTS = "select name, status, title, event_time from metaops.alerts where kind = 'model' order by name, status, title"


def tell(pipe, gateway, steps):
    for path, body in steps:
        kind = "application/cloudevents+json" if path == PAYLOADS else "application/json"
        status, _, said = post(gateway.url + path, json.dumps(body).encode(), **{"Content-Type": kind})
        if status not in (200, 201):
            check(f"{path} is taken", 200, (status, said))
    pipe.wait_stored()


def judge(pipe, later="1 hour"):
    """As the alerter does, so much later; what was judged before is judged again."""
    pipe.query("update graph.served_watch set look_at = least(look_at, now())")
    pipe.query("select graph.judge_served(1000, now() + %s::interval)", later)
    check("all could be judged", [], pipe.query("select * from graph.served_watch where failure is not null"))
    return pipe.query(ALERTS)


def shuffled(seed):
    steps = list(WORLD)
    if seed:
        steps *= 2
        random.Random(seed).shuffle(steps)
    with Pipeline("served", 1 + seed % 3) as pipe:
        gateway = pipe.gateway()
        for number in range(1 + seed % 2):
            pipe.worker(number + 1)
        pipe.wait_ready()
        tell(pipe, gateway, steps)
        check(f"order {seed}: not before its time", [], judge(pipe, "0 seconds"))
        found = judge(pipe)
        for line in found:
            check(f"order {seed}: {line[2]}", True, line in EXPECTED)
        check(f"order {seed}: nothing is missing", [], [line for line in EXPECTED if line not in found])
        check(f"order {seed}: again, nothing new", found, judge(pipe))
        check(f"order {seed}: history is told to nobody", [], pipe.query("select alert_id from graph.alert_outbox where alert ->> 'name' = 'old'"))
        if not seed:
            later(pipe, gateway)
        return pipe.checksum() if seed else None


def later(pipe, gateway):
    """What comes behind the alert ends it."""
    tell(pipe, gateway, [action("silent", "jane", 20), trained(30, "untraced", "8")])
    check("explained", [changed("silent", "1", "2", 19, "resolved")], [line for line in judge(pipe) if line[0] == "silent"])
    check("traced", [untraced("untraced", "untraced@8", 20, "resolved")], [line for line in judge(pipe) if line[0] == "untraced"])
    tell(pipe, gateway, [answer("back", "1", 15)])
    check("a late answer makes the change earlier", [changed("back", "2", "1", 15), changed("back", "1", "2", 20, "resolved")],
          [line for line in judge(pipe) if line[0] == "back"])


def told():
    """By the alerter, once its time has come and what Kafka held by then is stored."""
    receiver = Receiver()
    with Pipeline("served-told", 2) as pipe:
        gateway = pipe.gateway()
        worker = pipe.worker()
        pipe.wait_ready()
        tell(pipe, gateway, [trained(1, "late", "2"), trained(2, "silent", "2"), answer("late", "1", 30), answer("late", "2", 19)])
        worker.stop()
        # On Kafka, and not stored: what is told waits for it.
        for path, body in [action("late", "jane", 20), answer("silent", "1", 30), answer("silent", "2", 19)]:
            post(gateway.url + path, json.dumps(body).encode(),
                 **{"Content-Type": "application/cloudevents+json" if path == PAYLOADS else "application/json"})
        pipe.query("select metaops.wait_for_actions('0')")
        pipe.query("update graph.served_watch set look_at = now()")
        role = pipe.alerter(1, METAOPS_ALERTS_WEBHOOK_URL=receiver.url, METAOPS_ALERTS_POLL_INTERVAL_MS="100")
        pipe.wait_ready(roles=[role])
        wait_until("the alerter waits", lambda: "not stored yet" in role.words(100000))
        check("nothing is told before", [], pipe.query(ALERTS))
        pipe.worker(2)
        wait_until("told", lambda: receiver.messages)
        wait_until("all is judged", lambda: pipe.value("select count(*) from graph.served_watch where look_at <= now()") == 0)
        with receiver.lock:
            messages = [each.json for each in receiver.messages]
        check("what nobody explains, and nothing else", [("model", "warning", "open", "deployment", "silent")], [
            tuple(each[key] for key in ("kind", "severity", "status", "subject_kind", "name")) for each in messages])
        check("the difference", [{"change": "changed", "what": "served version", "from": "1", "to": "2"}], messages[0]["detail"]["changes"])
        check("who is hit", [("inference_stream", "silent/silent")], [(each["kind"], each["name"]) for each in messages[0]["downstream"]])
        role.stop()
    receiver.close()


def main():
    check("the same graph in every order", 1, len({shuffled(seed) for seed in range(3)} - {None}))
    told()
    end()


main()
