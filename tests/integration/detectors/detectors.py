"""What detectors say: the captured answers of MLServer's alibi-detect runtime and replies in the form of Seldon Core v1's, against
tables made by hand from their texts; who is told of it; and the same history in other orders, twice, by other workers."""

import datetime
import json
import random
import re
import urllib.error
import urllib.request

from checks import check, end
from own_pipeline import ROOT, Pipeline, wait_until
from receiver import Receiver

DATA = ROOT / "tests/data/mlserver"
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def send(gateway, body, **headers):
    """-> status and decoded answer"""
    request = urllib.request.Request(f"{gateway.url}/api/v1/cloudevents", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def send_event(gateway, one):
    return send(gateway, json.dumps(one).encode(), **{"Content-Type": "application/cloudevents+json"})


def send_captured(gateway, name):
    """What a proxy passes on of a captured answer: its attributes, its type, its body."""
    answer = (DATA / name).read_bytes().replace(b"\r\n", b"\n").split(b"\n---\n", 1)[1]
    head, _, body = answer.partition(b"\n\n")
    lines = [line.split(": ", 1) for line in head.decode().split("\n") if re.match("(ce-|content-type)", line)]
    return send(gateway, body.rstrip(b"\n"), **dict(lines))


def reply(kind, request, at, data, source="io.seldon.serving.detector", **more):
    """As a detector of Seldon Core v1 replies: the names are those of what it watches."""
    return {
        "specversion": "1.0", "id": f"{kind}-{request}", "source": source, "type": f"io.seldon.serving.inference.{kind}",
        "time": at.isoformat(), "namespace": "fraud", "inferenceservicename": "iris-sdep", "endpoint": "default",
        "modelid": "iris", "requestid": request,
        "data": {"data": data, "meta": {"name": "KSDrift", "detector_type": "offline", "data_type": None, "version": "0.12.0"}},
        **more,
    }


EVALUATIONS = (
    "select namespace, monitor, kind, state, request_id, deployment, endpoint, model, features, drifted_features,"
    " distance::text, p_value::text, threshold::text from metaops.drift_evaluations order by namespace, monitor, request_id"
)


def captured(pipe, gateway):
    names = ["drift_batch_pending.http", "drift_yes.http", "drift_batch_done.http", "v2_infer.http"]
    for name in names + names[::-1]:
        check(f"{name} is taken", 200, send_captured(gateway, name)[0])
    # An answer without tensors of a model that is no detector.
    status, _ = send(gateway, b'{"outputs":[]}', **{"Content-Type": "application/json", "ce-specversion": "1.0", "ce-type": "x.inference.response",
                                              "ce-source": "s", "ce-id": "e", "ce-inferenceservicename": "plain"})
    check("an empty answer is taken", 200, status)
    pipe.wait_stored()
    nothing = (None, None, None)
    check(
        "evaluations, each once",
        [
            ("", "iris-drift", "drift", "drifted", "drift-2", *nothing, 4, 4, "1", "0", "0.05"),
            ("", "iris-drift-batch", "drift", "not_evaluated", "drift-3", *nothing, 0, 0, *nothing),
            ("", "iris-drift-batch", "drift", "drifted", "drift-4", *nothing, 1, 1, "0.47999998927116394", "0.00039995642146095634", "0.0125"),
        ],
        pipe.query(EVALUATIONS),
    )
    check(
        "monitors",
        [
            ("", "iris-drift", "drift", "TabularDrift", "drift", "tabular", "0.12.0", "drift-server", *nothing),
            ("", "iris-drift-batch", "drift", "TabularDrift", "drift", "tabular", "0.12.0", "drift-server", *nothing),
        ],
        pipe.query("select namespace, monitor, kind, detector, detector_type, data_type, version, runs_in, deployment, endpoint, model"
                   " from metaops.monitors order by 1, 2"),
    )


ALERTS = ("select subject_kind, namespace, name, severity, status, title, event_time, occurrences, detail ->> 'evaluations',"
          " detail ->> 'first_bad_request', detail ->> 'last_bad_request', detail ->> 'last_good_at' is not null"
          " from metaops.alerts where kind = 'model' and namespace = 'fraud' order by name")


def told(pipe, gateway):
    """One detector's verdicts in order, and whom they reach."""
    receiver = Receiver()
    role = pipe.alerter(1, METAOPS_ALERTS_WEBHOOK_URL=receiver.url, METAOPS_ALERTS_POLL_INTERVAL_MS="100")
    pipe.wait_ready(roles=[role])
    mine = []

    def says(request, data, seconds, *expected):
        status, _ = send_event(gateway, reply("drift", request, NOW + datetime.timedelta(seconds=seconds), data))
        check(f"{request} is taken", 200, status)
        mine.extend(expected)
        pipe.wait_stored()
        wait_until(f"{request}: messages", lambda: len(messages()) >= len(mine))
        check(f"{request}: who is told", mine, [each["status"] for each in messages()])

    def messages():
        with receiver.lock:
            return [each.json for each in receiver.messages if each.json["name"] == "io.seldon.serving.detector"]

    says("r-1", {"is_drift": 0, "distance": 0.1, "p_val": 0.7, "threshold": 0.05}, 1)
    says("r-2", {"is_drift": None}, 2)
    says("r-3", {"is_drift": [0, 1, 1], "distance": [0.1, 0.9, 0.8], "p_val": [0.7, 0.001, 0.002], "threshold": 0.05}, 3, "open")
    says("r-4", {"is_drift": True}, 4)
    says("r-5", {"is_drift": 0}, 5, "resolved")
    says("r-6", {"is_drift": 1}, 6, "open")
    # A clean verdict from before the drift began changes nothing.
    says("r-0", {"is_drift": 0}, 0)
    opened = messages()[0]
    check("what is told", ("model", "warning", "io.seldon.serving.detector: sees drift of 2 of 3 features", "monitor"),
          tuple(opened[key] for key in ("kind", "severity", "title", "subject_kind")))
    detail = opened["detail"]
    check("the difference", [{"change": "changed", "what": "verdict", "from": "clean", "to": "drifted"}], detail["changes"])
    check("who watches what", {"namespace": "fraud", "deployment": "iris-sdep", "endpoint": "default", "model": "iris"}, detail["watches"])
    check("the figures", (3, 2, 0.9, 0.001, 0.05, "r-3"),
          tuple(detail[key] for key in ("features", "drifted_features", "distance", "p_value", "threshold", "first_bad_request")))
    check("who is hit", [("deployment", "iris-sdep"), ("model", "iris")], [(one["kind"], one["name"]) for one in opened["downstream"]])
    check("one alert, opened twice",
          [("monitor", "fraud", "io.seldon.serving.detector", "warning", "open", "io.seldon.serving.detector: sees drift",
            NOW + datetime.timedelta(seconds=6), 2, "1", "r-6", "r-6", True)], pipe.query(ALERTS))
    old = NOW - datetime.timedelta(days=300)
    check("history is taken", 200, send_event(gateway, reply("drift", "old", old, {"is_drift": 1}, source="old-detector"))[0])
    outlier = {"is_outlier": [0, 1], "instance_score": [0.2, 4.5]}
    check("outliers are taken", 200, send_event(gateway, reply("outlier", "o-1", NOW, outlier, source="outliers"))[0])
    # Another detector says the same of the same request: that is another evaluation.
    check("a second detector's are taken", 200, send_event(gateway, reply("outlier", "o-1", NOW, outlier, source="second"))[0])
    pipe.wait_stored()
    check("history and outliers are told to nobody", [("old-detector",), ("io.seldon.serving.detector",)],
          pipe.query("select name from metaops.alerts where namespace = 'fraud' order by event_time"))
    wait_until("the outbox is empty", lambda: pipe.value("select count(*) from graph.alert_outbox") == 0)
    with receiver.lock:
        check("nobody heard of history", [], [each.json["name"] for each in receiver.messages if each.json["name"] == "old-detector"])
    check(
        "evaluations of two detectors of outliers",
        [("fraud", name, "outlier", "drifted", "o-1", "iris-sdep", "default", "iris", 2, 1, "4.5", None, None) for name in ("outliers", "second")],
        [row for row in pipe.query(EVALUATIONS) if row[2] == "outlier"],
    )
    check("what is watched is there, and counts none of it", [("fraud", "iris-sdep", "default", "iris", None)], pipe.query(
        "select namespace, deployment, endpoint, model, w.requests from metaops.inference_streams left join metaops.inference_windows w"
        " using (namespace, deployment, endpoint, model) where namespace = 'fraud'"))
    role.stop()
    receiver.close()


def verdict(seconds):
    """Of a detector that is a model of its own: nothing in it says what it watches."""
    return {"specversion": "1.0", "id": f"v-{seconds}", "source": "http://server", "type": "io.seldon.serving.inference.response",
            "time": (NOW + datetime.timedelta(seconds=seconds)).isoformat(), "namespace": "shop", "inferenceservicename": "detectors",
            "endpoint": "", "modelid": "basket-drift", "requestid": f"v-{seconds}", "data": {
                "model_name": "basket-drift", "outputs": [{"name": "is_drift", "datatype": "INT64", "shape": [1, 1], "data": [1]}]}}


def answered(service, model):
    return {**verdict(0), "id": f"a-{service}-{model}", "inferenceservicename": service, "modelid": model, "requestid": "a", "data": {
        "outputs": [{"name": "y", "datatype": "INT64", "shape": [1], "data": [0]}]}}


def annotated(name, monitors, seconds):
    at = (NOW + datetime.timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    names = {"namespace": "shop", "name": name}
    return json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [{
        "level": "RequestResponse", "auditID": f"{name}-{seconds}", "stage": "ResponseComplete", "requestURI": "/", "verb": "update",
        "user": {"username": "jane"}, "responseStatus": {"code": 200}, "objectRef": {**names, "resource": "deployments", "apiGroup": "apps"},
        "responseObject": {"kind": "Deployment", "metadata": {**names, "uid": name, "annotations": {"metaops.io/monitors": monitors}}, "spec": {}},
        "requestReceivedTimestamp": at, "stageTimestamp": at}]}).encode()


def declared(seed):
    """What a detector watches, as Kubernetes says; its verdict before or behind that."""
    def annotate(*words):
        request = urllib.request.Request(f"{gateway.url}/api/v1/kubernetes/audit/prod", annotated(*words), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            check("an annotation is taken", 200, answer.status)
        pipe.wait_stored()
        return pipe.query("select monitor, kind, deployment, model, source from metaops.monitor_watches order by 3, 4")

    def send_all(*events):
        check("answers are taken", {200}, {send_event(gateway, one)[0] for one in events})
        pipe.wait_stored()

    def watched(*streams):
        return [("basket-drift", "drift", *stream, "declared") for stream in streams]

    with Pipeline("detectors-declared", 2) as pipe:
        gateway = pipe.gateway()
        pipe.worker()
        pipe.wait_ready()
        served = [answered("shop-svc", "basket"), answered("shop-svc", "price"), answered("other-svc", "basket")]
        steps = [lambda: send_all(*served, verdict(1)), lambda: annotate("detectors", "shop-svc/basket, other-svc", 1)]
        for step in steps[:: -1 if seed else 1]:
            step()
        if seed:
            send_all(verdict(2))
        both = watched(("other-svc", "basket"), ("shop-svc", "basket"))
        check("the streams that it names", both, annotate("detectors", "shop-svc/basket, other-svc", 1))
        check("in the alert, too", [({"namespace": "shop", "deployment": "other-svc", "endpoint": "", "model": "basket"},
                                     [("deployment", "other-svc"), ("deployment", "shop-svc"), ("model", "basket")])],
              [(detail["watches"], [(one["kind"], one["name"]) for one in downstream]) for detail, downstream in pipe.query(
                  "select detail, downstream from metaops.alerts where kind = 'model' and name = 'basket-drift'")])
        check("and it counts as their monitor", [("other-svc", False), ("shop-svc", False)], pipe.query(
            "select name, 'monitor' = any (missing) from metaops.minimum_metadata where kind = 'deployment' and name <> 'detectors' order by 1"))
        check("the latest counts", watched(("shop-svc", "basket"), ("shop-svc", "price")), annotate("detectors", "shop-svc", 3))
        check("what was said before does not", watched(("shop-svc", "basket"), ("shop-svc", "price")), annotate("detectors", "other-svc", 2))
        check("what serves names its detector", sorted(watched(("other-svc", "basket"), ("shop-svc", "basket"), ("shop-svc", "price"))),
              annotate("other-svc", "basket-drift", 4))


def refused(gateway):
    for what, data, pointer in [
        ("a word for a verdict", {"data": {"is_drift": "yes"}}, "/data/data/is_drift"),
        ("an object in a verdict", {"data": {"is_drift": [{}]}}, "/data/data/is_drift"),
        ("no data", {"meta": {}}, "/data"),
    ]:
        one = {**reply("drift", "x", NOW, {}), "data": data}
        status, answer = send_event(gateway, one)
        check(f"{what} is refused", (422, pointer), (status, answer.get("pointer")))


# Of each of three detectors a verdict a minute: 5 clean, 3 without a verdict, 4 of drift, over again. The first one stops
# after its third drift, the others after four more clean ones.
def history():
    events = []
    for detector in range(3):
        for number in range(36 if detector == 0 else 40):
            at = NOW - datetime.timedelta(minutes=40 - number)
            state = (["clean"] * 5 + ["none"] * 3 + ["drift"] * 4)[number % 12]
            data = {"clean": {"is_drift": 0}, "none": {}, "drift": {"is_drift": 1, "p_val": number / 1000}}[state]
            events.append(reply("drift", f"h-{number}", at, data, source=f"detector-{detector}"))
    return events


# Drift of numbers 32 to 35, behind the clean one of number 28.
EXPECTED = [
    (f"detector-{detector}", status, f"detector-{detector}: sees drift", NOW - datetime.timedelta(minutes=8), "4", "h-32", "h-35", "0.035",
     NOW - datetime.timedelta(minutes=12))
    for detector, status in enumerate(["open", "resolved", "resolved"])
]


def shuffled(seed):
    """-> checksum of the history in some order, each event twice, by one worker or two."""
    events = history() * 2
    random.Random(seed).shuffle(events)
    with Pipeline("detectors-order", 1 + seed % 3) as pipe:
        gateway = pipe.gateway()
        for number in range(1 + seed % 2):
            pipe.worker(number + 1)
        pipe.wait_ready()
        check("every event is taken", {200}, {send_event(gateway, one)[0] for one in events})
        pipe.wait_stored()
        check(f"evaluations in order {seed}", [("clean", 53), ("drifted", 36), ("not_evaluated", 27)],
              pipe.query("select state, count(*)::int from metaops.drift_evaluations group by state order by state"))
        check(f"alerts in order {seed}", EXPECTED, pipe.query(
            "select name, status, title, event_time, detail ->> 'evaluations', detail ->> 'first_bad_request',"
            " detail ->> 'last_bad_request', detail ->> 'p_value', (detail ->> 'last_good_at')::timestamptz from metaops.alerts order by name"))
        return pipe.checksum()


def ruled(pipe):
    """A rule names a detector as any other subject."""
    def found():
        return pipe.query("select name, status from metaops.alerts where kind = 'model' and status <> 'resolved' order by name")

    before = found()
    check("alerts are open", True, len(before) > 1)
    pipe.query("select graph.load_rules(%s)", json.dumps([{"kinds": ["model"], "name": before[0][0], "enabled": False}]))
    check("that of the detector that is switched off ends", [row for row in before if row[0] != before[0][0]], found())


def main():
    with Pipeline("detectors", 3) as pipe:
        gateway = pipe.gateway()
        pipe.worker()
        pipe.wait_ready()
        captured(pipe, gateway)
        told(pipe, gateway)
        refused(gateway)
        ruled(pipe)
    declared(0)
    declared(1)
    check("the same graph in every order", 1, len({shuffled(seed) for seed in range(3)}))
    end()


main()
