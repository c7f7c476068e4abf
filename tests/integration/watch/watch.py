"""What real watches of Kubernetes said, and what a scripted API server says in its worst days, through metaops poll into the
views, against rows made by hand from the captured lines; beside audit events of the same objects; the same records in other
orders, twice: the same graph. Secrets never reach Kafka."""

import datetime
import json
import pathlib
import random
import tempfile

from authority import Authority
from avro_records import read_body, read_event
from checks import check, end
from fake_kube import FakeKube, line, listed, page, status, watched
from own_pipeline import ROOT, Pipeline, metric, post, wait_until
from scenarios import PRODUCER, facet

DATA = ROOT / "tests/data/kubernetes"
LISTS = [path.read_bytes() for path in sorted(DATA.glob("req_*.json"))]
SECRET = b"hunter2"
FORMAT = "kubernetes_watch"
CI = "ci-deployer"
PUBLISHED = 'metaops_poll_records_total{result="published"}'
REFUSED = 'metaops_poll_records_total{result="dead_letter"}'
DRIVER = "00000000-0000-4000-8000-000000000001"
TRAIN = "00000000-0000-4000-8000-000000000002"


def captured(name):
    return (DATA / f"watch_{name}.ndjson").read_bytes().splitlines()


def run_event(run, job, facets):
    return json.dumps({
        "eventTime": "2026-11-23T15:10:00Z", "eventType": "COMPLETE", "producer": PRODUCER,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run, "facets": facets}, "job": {"namespace": "ml", "name": job}, "inputs": [], "outputs": []}).encode()


RUNS = [
    run_event(DRIVER, "features", {"spark_applicationDetails": facet(
        applicationId="spark-7a1f5a0a3b7b4d8f9c2f5a9f7f1c0d11", master="k8s", appName="iris-features")}),
    run_event(TRAIN, "train", {"airflow": facet(
        dag={"dag_id": "iris_train"}, task={"task_id": "train_model"},
        dagRun={"run_id": "scheduled__2026-11-23T00:00:00+00:00"}, taskInstance={"try_number": 1})}),
]
# uid (its beginning), kind, name, ready, phase, seen by, generation, deleted. Of the deployment audit events tell an earlier
# generation at a later second than the watch does: managedFields have no time for a scale.
OBJECTS = [
    ("6b3aabfb", "Model", "iris", None, None, None, 2, True),
    ("6fa9491f", "Pod", "train-model-q8w2x1", None, "Pending", "15:02:56.999999", 2, True),
    ("7ef0c861", "Pod", "features-4c1b-driver", None, "Pending", "14:59:24.999999", 1, False),
    ("ed9546ee", "Deployment", "iris-server", None, None, "14:59:22.999999", 6, False),
]
# uid of the pod, run, who made it: only audit events say that.
RAN = [("6fa9491f", TRAIN, None), ("7ef0c861", DRIVER, CI)]
# artifact, from, to, changed by
SERVED = [
    ("s3://models/iris/2", "15:02:55.999999", "15:02:55.999999", None),
    ("s3://models/iris/3", "15:02:55.999999", "gone", None),
]

# kind, name, version, artifact, state, since, is it still so
STATES = [
    ("Deployment", "iris-server", "2", None, "UNKNOWN", "14:59:22.999999", True),
    ("Model", "iris", None, "s3://models/iris/2", "UNKNOWN", "15:02:55.999999", False),
    ("Model", "iris", None, "s3://models/iris/3", "UNKNOWN", "15:02:55.999999", False),
    ("Model", "iris", None, "s3://models/iris/3", "GONE", None, True),
]


def bodies(pipe):
    """(format, body) of each record of the topic of events."""
    return [(read_event(value)["format"], read_body(value)) for _, _, _, value in pipe.records(pipe.topic)]


def events(pipe):
    """(type, name, resourceVersion) of each event of a watch, in any order."""
    found = []
    for kind, body in bodies(pipe):
        if kind == FORMAT:
            event = json.loads(body)
            meta = event["data"]["metadata"]
            found.append((event["type"].rsplit(".", 1)[1], meta["name"], meta["resourceVersion"]))
    return found


def ends_of(pipe, name):
    """When an object ended, each time that it was told."""
    said = [json.loads(body) for kind, body in bodies(pipe) if kind == FORMAT]
    return [event["time"] for event in said if event["type"].endswith(".delete") and event["data"]["metadata"]["name"] == name]


def settings(kube, **more):
    return {"METAOPS_POLL_KUBERNETES_CLUSTER": "prod", "METAOPS_POLL_KUBERNETES_URL": kube.url, **more}


def told(pipe):
    """What is alerted of the model that was changed, as far as the watch goes."""
    return pipe.value("select count(*) from graph.deployments d cross join lateral graph.told_changes(d) where d.name = 'iris'")


def check_views(pipe):
    check("objects, as they were seen last", OBJECTS, pipe.query(
        "select left(uid, 8), kind, name, is_ready, phase, case when name <> 'iris' then"
        " to_char(ready_at at time zone 'UTC', 'HH24:MI:SS.US') end, generation::int, deleted_at is not null"
        " from metaops.k8s_objects where left(uid, 8) in ('6b3aabfb', '6fa9491f', '7ef0c861', 'ed9546ee') order by uid"))
    check("runs and their pods", RAN, pipe.query(
        "select left(uid, 8), run_id, actor from metaops.run_objects where left(uid, 8) in ('6fa9491f', '7ef0c861') order by uid"))
    check("what only a watch saw being served was changed by nobody who is known", SERVED, pipe.query(
        "select artifact_uri, to_char(served_from at time zone 'UTC', 'HH24:MI:SS.US'), case when served_to < '2026-11-24' then"
        " to_char(served_to at time zone 'UTC', 'HH24:MI:SS.US') when served_to is not null then 'gone' end, changed_by"
        " from metaops.served_versions where deployment = 'iris' and served_from > '2026-11-23 15:02Z' order by artifact_uri"))
    check("what audit events tell of a generation is told by them alone", [("2", CI, True)], pipe.query(
        "select version, changed_by, audit_id is not null from metaops.served_versions where deployment = 'iris-server'"))
    check("states of what serves models", STATES, pipe.query(
        "select kind, deployment, version, artifact_uri, state, case when state <> 'GONE' then"
        " to_char(since at time zone 'UTC', 'HH24:MI:SS.US') end, until is null"
        " from metaops.deployment_states order by kind, state = 'GONE', artifact_uri"))
    check("a watch is no action", 31, pipe.value("select count(*) from graph.actions"))
    check("nothing is a dead letter", 0, pipe.value("select count(*) from metaops.dead_letters"))


ABSENT = [
    "/apis/batch/v1/jobs", "/apis/mlops.seldon.io/v1alpha1/pipelines", "/apis/mlops.seldon.io/v1alpha1/servers",
    "/apis/machinelearning.seldon.io/v1/seldondeployments", "/apis/serving.kserve.io/v1beta1/inferenceservices",
    "/apis/sparkoperator.k8s.io/v1beta2/sparkapplications",
]


def asked_for(kube, paths):
    """How often one of them was asked for with the right token."""
    return sum(path in paths for path, _ in list(kube.asked))


def real(folder):
    """The captured lines over https, with a token that is wrong at first; returns the records."""
    authority = Authority(folder)
    authority.issue("server", "IP:127.0.0.1")
    token = folder / "token"
    token.write_text("old\n")
    scripts = {name: [listed([], "200"), watched(captured(name))] for name in ("models", "pods", "deployments")}
    kube = FakeKube(scripts, "new", (folder / "server.pem", folder / "server.key"))
    try:
        with Pipeline("watch", partitions=3) as pipe:
            gateway = pipe.gateway()
            pipe.worker()
            poll = pipe.poll(**settings(kube, METAOPS_POLL_KUBERNETES_TOKEN_FILE=str(token),
                                        METAOPS_POLL_KUBERNETES_CA_FILE=str(folder / "ca.pem")))
            pipe.wait_ready()
            wait_until("a wrong token is refused", lambda: kube.refused > 0)
            check("and nothing is told", [], events(pipe))
            token.write_text("new")
            wait_until("all of it is told", lambda: len(events(pipe)) == 8)
            wait_until("absent resources are asked for", lambda: asked_for(kube, ABSENT) == len(ABSENT))
            pipe.wait_stored()
            check("without audit events nobody could be known", 0, told(pipe))
            for body in LISTS:
                check("200 for a list", 200, post(gateway.url + "/api/v1/kubernetes/audit/prod", body)[0])
            for body in RUNS:
                check("201 for a run", 201, post(gateway.url + "/api/v1/lineage", body)[0])
            pipe.wait_stored()
            check_views(pipe)
            check("with them the model's return, and its change, are by nobody known", 2, told(pipe))
            wait_until("three watches are open", lambda: metric(poll.admin_url, "metaops_poll_watches") == 3)
            check("an orderly end", 0, poll.stop())
            check("absent resources were asked for once each", len(ABSENT), asked_for(kube, ABSENT))
            found = bodies(pipe)
            check("the samples have a secret", True, any(SECRET in text for text in captured("deployments")))
            check("no secret is on the topic", [], [body for _, body in found if SECRET in body])
            check("nor who manages which field", [], [b for kind, b in found if kind == FORMAT and b"managedFields" in b])
            return [(key, value) for _, _, key, value in pipe.records(pipe.topic)], pipe.checksum()
    finally:
        kube.close()


def replay(records, seed):
    """The same records, each twice, in another order."""
    steps = records * 2
    random.Random(seed).shuffle(steps)
    with Pipeline("watch-again", 1 + seed % 3) as pipe:
        pipe.worker()
        pipe.produce(pipe.topic, [(None, key, value) for key, value in steps])
        pipe.wait_stored()
        check_views(pipe)
        return pipe.checksum()


def ready(said, reason, at):
    return {"conditions": [{"type": "ModelReady", "status": said, "reason": reason, "lastTransitionTime": at}]}


def model(name, revision, **more):
    return {"metadata": {"name": name, "namespace": "fraud", "uid": f"uid-{name}", "resourceVersion": revision, "generation": 1,
                         "creationTimestamp": "2026-11-23T15:00:00Z"}, "spec": {"storageUri": f"s3://models/{name}"}, **more}


def deep(name, revision):
    """One that cannot be read: deeper than ingest.json_depth_max."""
    nested = {}
    for _ in range(200):
        nested = {"x": nested}
    return model(name, revision, status=nested)


# By a clock that goes before that of poll: seen once, and gone in the list after that.
AHEAD = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).replace(microsecond=0)
EARLY = model("u", "5", status={"conditions": [{"type": "Early", "status": "True", "lastTransitionTime": f"{AHEAD:%FT%TZ}"}]})
EARLY_ENDS = f"{AHEAD + datetime.timedelta(seconds=1):%FT%T}.000000Z"
BOOKMARK = {"kind": "Model", "metadata": {"resourceVersion": "15"}}
GONE = {"kind": "Status", "status": "Failure", "reason": "Expired", "code": 410, "message": "too old resource version"}
A_READY = model("a", "16", status=ready("True", "", "2026-11-23T15:05:00Z"))
D_BROKEN = model("d", "21", status=ready("False", "ModelFailed", "2026-11-23T15:06:00Z"))
LARGE = model("large", "50", status={"text": "x" * 70000})
WORST_DAYS = [
    listed([model("a", "1"), model("b", "2")], "10", "c/1+="), listed([model("c", "3")], "10"),
    watched([line("ADDED", model("d", "11")), line("BOOKMARK", BOOKMARK)], cut=True),
    status(429, Retry_After="1"),
    watched([line("MODIFIED", A_READY), *captured("error_500_in_stream")]),
    listed([A_READY, model("b", "2"), model("c", "3"), model("d", "11")], "20"),
    status(410),
    listed([A_READY, D_BROKEN], "30"),
    watched([line("ERROR", GONE)]),
    listed([A_READY, D_BROKEN], "40"),
    watched([line("ADDED", LARGE), line("ADDED", {"metadata": {"name": "nobody"}}), line("DELETED", model("d", "52"))], ends=True),
]
ASKED = ["list", "list c/1+=", "watch 10", "watch 15", "watch 15", "list", "watch 20", "list", "watch 30", "list", "watch 40", "watch 52"]
HTML = b"<html>\n<p>Sign in</p>\n</html>\n"
# A list that leads back to itself, no list, an object that is nested too deep, a revision that is none, lines that are no events.
NONSENSE = [
    listed([model("p", "1"), EARLY], "10", "again"), listed([model("q", "2")], "10", "again"),
    page(HTML),
    listed([model("p", "1"), deep("r", "3")], "10", "more"), listed([model("q", "2")], "10"),
    status(400),
    listed([model("p", "1"), model("q", "2"), deep("r", "3")], "20"),
    watched([line("RENAMED", model("p", "21")), line("RENAMED", model("p", "22")), line("ADDED", deep("s", "23")),
             line("DELETED", deep("s", "24")), *HTML.splitlines(), line("ADDED", model("t", "25"))], ends=True),
    listed([model("p", "1"), model("q", "2")], "30"),
]
ASKED_OF_NONSENSE = ["list", "list again", "list", "list", "list more", "watch 10", "list", "watch 20", "list", "watch 30"]
TOLD = [("add", "a", "1"), ("add", "b", "2"), ("add", "c", "3"), ("add", "d", "11"), ("add", "d", "21"), ("add", "p", "1"),
        ("add", "q", "2"), ("add", "u", "5"), ("delete", "b", "2"), ("delete", "c", "3"), ("delete", "d", "52"), ("delete", "r", "3"),
        ("delete", "s", "24"), ("delete", "u", "5"), ("update", "a", "16")]
READY = [
    ("a", "UNKNOWN", None, "15:00:00", False), ("a", "READY", None, "15:05:00", True),
    ("b", "UNKNOWN", None, "15:00:00", False), ("b", "GONE", None, None, True),
    ("c", "UNKNOWN", None, "15:00:00", False), ("c", "GONE", None, None, True),
    ("d", "UNKNOWN", None, "15:00:00", False), ("d", "UNAVAILABLE", "ModelFailed", "15:06:00", False), ("d", "GONE", None, None, True),
]
# Seven, for r is refused once, s twice; letters of one reason and millisecond are one.
LETTERS = ["'<' where a value is due", "an event is larger than ingest.body_bytes_max", "more than 128 levels of brackets",
           "the line has no type that is known", "uid is missing"]
GONE_AFTERWARDS = [("a", False), ("b", True), ("c", True), ("d", True), ("p", False), ("q", False), ("r", True), ("s", True),
                   ("u", True)]


def asked(kube, resource):
    """What was asked for of a resource, and from where on."""
    return [said(query) for path, query in kube.asked if path.endswith(f"/{resource}")]


def said(query):
    return f"watch {query['resourceVersion']}" if "watch" in query else f"list {query.get('continue', '')}".strip()


def worst_days():
    kube = FakeKube({"models": WORST_DAYS, "pipelines": NONSENSE})
    small = {"METAOPS_INGEST_BODY_BYTES_MAX": "64KiB", "METAOPS_POLL_KUBERNETES_RESOURCES": "models,pipelines",
             "http_proxy": "http://127.0.0.1:1", "all_proxy": "http://127.0.0.1:1"}
    try:
        with Pipeline("watch-worst", partitions=3) as pipe:
            pipe.worker()
            poll = pipe.poll(**settings(kube, **small))
            pipe.wait_ready()
            wait_until("the scripts are through, past proxies", lambda: len(asked(kube, "models")) >= len(ASKED)
                       and len(asked(kube, "pipelines")) >= len(ASKED_OF_NONSENSE))
            wait_until("all is confirmed", lambda: metric(poll.admin_url, PUBLISHED) == len(TOLD))
            wait_until("letters, too", lambda: metric(poll.admin_url, REFUSED) == 7)
            check("what was asked for, and from where on", ASKED, asked(kube, "models")[: len(ASKED)])
            check("the same of nonsense", ASKED_OF_NONSENSE, asked(kube, "pipelines")[: len(ASKED_OF_NONSENSE)])
            check("pages stay as large as they are", {"100"}, {query["limit"] for _, query in kube.asked if "limit" in query})
            check("what was told", TOLD, sorted(events(pipe)))
            check("an end is behind the last state, whatever the clocks say", [EARLY_ENDS], ends_of(pipe, "u"))
            pipe.wait_stored()
            reasons = [row[0].split(": ", 1)[1] for row in pipe.query("select reason from metaops.dead_letters")]
            check("letters say why", LETTERS, sorted(set(reasons)))
            check("who is gone", GONE_AFTERWARDS, pipe.query(
                "select name, deleted_at is not null from metaops.k8s_objects order by name"))
            check("who was ready when", READY, pipe.query(
                "select deployment, state, reason, case when state <> 'GONE' then to_char(since at time zone 'UTC', 'HH24:MI:SS') end,"
                " until is null from metaops.deployment_states where deployment < 'e' order by deployment, since, state"))
            check("what is ready, and when it was seen so", [("a", True, "15:05:00")], pipe.query(
                "select name, is_ready, to_char(ready_at at time zone 'UTC', 'HH24:MI:SS') from metaops.k8s_objects"
                " where is_ready is not null order by name"))
            before = pipe.value("select count(*) from graph.event_ids")
            check("an orderly end", 0, poll.stop())
            poll = pipe.poll(2, **settings(kube, **small))
            wait_until("a second life lists all again", lambda: is_up(poll) and metric(poll.admin_url, PUBLISHED) == 4)
            pipe.wait_stored()
            check("what is told again is the same event", before, pipe.value("select count(*) from graph.event_ids"))
    finally:
        kube.close()


def is_up(role):
    try:
        metric(role.admin_url, "up")
        return True
    except OSError:
        return False


def main():
    with tempfile.TemporaryDirectory() as folder:
        records, checksum = real(pathlib.Path(folder))
    check("the same graph in every order", {checksum}, {replay(records, seed) for seed in (1, 2)})
    worst_days()
    end()


main()
