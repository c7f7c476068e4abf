"""What the audit webhook of a kube-apiserver sent, byte for byte, through the door into the views, against tables made by
hand from the captured lists; the same in other orders, each list twice: the same graph. Secrets never reach Kafka. What is
no event is refused, counted and named, its neighbours are taken."""

import json
import random

from avro_records import event_record, read_body, read_event
from checks import check, end
from own_pipeline import ROOT, Pipeline, metric, post

DOOR = "/api/v1/kubernetes/audit/prod?timeout=30s"
LISTS = [path.read_bytes() for path in sorted((ROOT / "tests/data/kubernetes").glob("req_*.json"))]
SECRET = b"hunter2"
PLANTED = "planted4711"

CI, JANE, BOB, AIRFLOW, NOBODY = "ci-deployer", "jane@example.org", "bob@example.org", "system:serviceaccount:airflow:airflow-worker", "system:anonymous"
# audit id (its beginning), actor, on behalf of, verb, resource, subresource, namespace, name, code, decision
ACTIONS = [
    ("f238d181", JANE, None, "create", "customresourcedefinitions", None, None, "models.mlops.seldon.io", 201, "allow"),
    ("9ebf59c7", JANE, None, "create", "customresourcedefinitions", None, None, "pipelines.mlops.seldon.io", 201, "allow"),
    ("25682c39", JANE, None, "create", "customresourcedefinitions", None, None, "sparkapplications.sparkoperator.k8s.io", 201, "allow"),
    ("5756e4e7", JANE, None, "create", "namespaces", None, None, "fraud", 201, "allow"),
    ("bb011737", JANE, None, "create", "clusterrolebindings", None, None, "ci", 201, "allow"),
    ("1b3122fa", JANE, None, "create", "clusterrolebindings", None, None, "af", 201, "allow"),
    ("f8c96978", CI, None, "create", "deployments", None, "fraud", "iris-server", 201, "allow"),
    ("bcdc5458", JANE, None, "create", "configmaps", None, "fraud", "cm", 201, "allow"),
    ("a77df847", CI, None, "create", "models", None, "fraud", "iris", 201, "allow"),
    ("c9662bfa", CI, None, "create", "pipelines", None, "fraud", "iris-pipeline", 201, "allow"),
    ("b774a4f9", AIRFLOW, None, "create", "pods", None, "fraud", "train-model-q8w2x1", 201, "allow"),
    ("042620a6", CI, None, "create", "pods", None, "fraud", "features-4c1b-driver", 201, "allow"),
    ("d96872e1", CI, None, "create", "cronjobs", None, "fraud", "nightly-export", 201, "allow"),
    ("cce348eb", AIRFLOW, None, "create", "sparkapplications", None, "fraud", "iris-features", 201, "allow"),
    ("e18b580f", CI, None, "patch", "models", None, "fraud", "iris", 200, "allow"),
    ("872ade81", CI, None, "patch", "deployments", None, "fraud", "iris-server", 200, "allow"),
    ("d70ebd94", CI, None, "patch", "deployments", "scale", "fraud", "iris-server", 200, "allow"),
    ("13c95915", CI, None, "patch", "models", None, "fraud", "iris", 200, "allow"),
    ("6dc7fa9f", BOB, JANE, "patch", "models", None, "fraud", "iris", 200, "allow"),
    ("2b8350d6", JANE, None, "patch", "models", "status", "fraud", "iris", 200, "allow"),
    ("ff385c21", JANE, None, "create", "events", None, "fraud", "iris.17a", 201, "allow"),
    ("bc50abb4", CI, None, "delete", "pods", None, "fraud", "nonexist", 404, "allow"),
    ("92b482f7", NOBODY, None, "delete", "models", None, "fraud", "iris", 403, "forbid"),
    ("8785b7cd", CI, None, "delete", "models", None, "fraud", "iris", 200, "allow"),
    ("6ccca358", AIRFLOW, None, "delete", "pods", None, "fraud", "train-model-q8w2x1", 200, "allow"),
    ("070d8c41", CI, None, "patch", "deployments", "scale", "fraud", "iris-server", 200, "allow"),
    ("8320fe77", CI, None, "create", "models", None, "fraud", "iris", 201, "allow"),
    ("9f5fa6b9", CI, None, "patch", "models", None, "fraud", "iris", 200, "allow"),
    ("0a2642a7", CI, None, "delete", "models", None, "fraud", "iris", 200, "allow"),
    ("e4917a3b", AIRFLOW, None, "create", "pods", None, "fraud", "train-model-q8w2x1", 201, "allow"),
    ("9dcff4e7", AIRFLOW, None, "delete", "pods", None, "fraud", "train-model-q8w2x1", 200, "allow"),
]

# deployment, kind, model, version, artifact, from, to, source, confidence, changed by. Replicas change, not what is served.
TOLD = ("kubernetes", "declared", CI)
SERVED = [
    ("iris", "Model", "iris", None, "s3://models/iris/2", "14:59:23.315675", "14:59:25.195885", *TOLD),
    ("iris", "Model", "iris", None, "s3://models/iris/3", "14:59:25.195885", "14:59:25.887402", *TOLD),
    ("iris", "Model", "iris", None, "s3://models/iris/2", "14:59:25.887402", "14:59:27.289052", *TOLD),
    ("iris", "Model", "iris", None, "s3://models/iris/2", "15:00:58.710394", "15:00:59.067937", *TOLD),
    ("iris", "Model", "iris", None, "s3://models/iris/3", "15:00:59.067937", "15:00:59.451179", *TOLD),
    ("iris-server", "Deployment", "iris", "2", None, "14:59:22.686786", None, *TOLD),
]


def send(gateway, body, path=DOOR):
    status, _, answer = post(gateway.url + path, body)
    return status, answer


def captured(pipe, gateway):
    for body in LISTS + LISTS[::-1]:
        status, answer = send(gateway, body)
        check("200 for a list that was captured", (200, 0), (status, answer["refused"]))
    pipe.wait_stored()
    check(
        "who did what",
        ACTIONS,
        pipe.query(
            "select left(audit_id, 8), actor, on_behalf_of, verb, resource, subresource, namespace, name, code, decision"
            " from metaops.actions order by event_time"
        ),
    )
    check(
        "all were answered, came from one address and one cluster",
        [("prod", "ResponseComplete", "127.0.0.1")],
        pipe.query("select distinct cluster, stage, source_ip from metaops.actions"),
    )
    check(
        "the time of the first to the microsecond",
        "2026-11-23 14:59:14.686378",
        pipe.value("select min(event_time at time zone 'UTC')::text from metaops.actions"),
    )
    check(
        "actors",
        [(BOB, "user", 1, 0, None), (CI, "user", 15, 0, None), (JANE, "user", 10, 0, [BOB]),
         (NOBODY, "anonymous", 1, 1, None), (AIRFLOW, "service account", 5, 0, None)],
        pipe.query('select actor, kind, actions, refused, acted_as from metaops.actors order by actor collate "C"'),
    )
    check(
        "who changed the model, newest first, refused ones too",
        [row[:1] for row in ACTIONS[::-1] if row[4] == "models" and row[7] == "iris"],
        pipe.query("select left(audit_id, 8) from metaops.who_changed('Model', 'fraud', 'iris')"),
    )
    for kind in ("deployment", "DEPLOYMENTS"):
        check(
            f"who changed {kind} and its scale within two minutes",
            [("070d8c41", CI, "scale"), ("d70ebd94", CI, "scale"), ("872ade81", CI, None)],
            pipe.query(
                "select left(audit_id, 8), actor, subresource from metaops.who_changed(%s, 'fraud', 'iris-server',"
                " '2026-11-23 14:59:25Z', '2026-11-23 15:01Z')",
                kind,
            ),
        )
    check(
        "which version was served when, told by whom",
        SERVED,
        pipe.query(
            "select deployment, kind, model, version, artifact_uri, to_char(served_from at time zone 'UTC', 'HH24:MI:SS.US'),"
            " to_char(served_to at time zone 'UTC', 'HH24:MI:SS.US'), source, confidence, changed_by from metaops.served_versions"
            " where namespace = 'fraud' order by deployment, served_from"
        ),
    )
    check(
        "what was served at the moment of the change",
        [("s3://models/iris/3",)],
        pipe.query("select artifact_uri from metaops.served_at('fraud', 'iris', '2026-11-23 14:59:25.195885Z')"),
    )
    check("and when it was gone", [], pipe.query("select * from metaops.served_at('fraud', 'iris', '2026-11-23 15:00Z')"))
    check(
        "deployments are declared by what was last changed under their name",
        [("iris", "declared", "prod", "Model", "28bac367"), ("iris-server", "declared", "prod", "Deployment", "ed9546ee")],
        pipe.query("select name, source, cluster, kind, left(uid, 8) from metaops.deployments order by name"),
    )
    check("the model is declared", [("iris", "declared")], pipe.query("select name, source from metaops.models"))
    check(
        "objects of one name are told apart by their uid",
        [("0402cfec", "Model", True), ("28bac367", "Model", True)],
        pipe.query(
            "select left(uid, 8), kind, deleted_at is not null from metaops.k8s_objects where name = 'iris' order by uid"
        ),
    )
    check("thirty-one ids in the ledger, no event, no letter", [(31, 0, 0)], pipe.query(
        "select (select count(*) from graph.event_ids), (select count(*) from metaops.events), (select count(*) from metaops.dead_letters)"))


def planted():
    """A list whose secrets no name gives away, in all the places that an object and its patches have."""
    good = json.loads(LISTS[0])["items"][0]
    container = {"env": [{"name": "GREETING", "value": f"{PLANTED}-1"}], "args": [f"{PLANTED}-2"], "command": [f"{PLANTED}-3"]}
    spec = {"spec": {"template": {"spec": {"containers": [container]}}}}
    copied = {"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(spec)}}}
    patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/env/0/value", "value": f"{PLANTED}-4"}]
    items = [
        {**good, "auditID": f"planted-{number}", "requestObject": asked, "responseObject": {"kind": "Deployment", **spec, **copied}}
        for number, asked in enumerate([spec, patch, {"kind": "Secret", "data": {"k": f"{PLANTED}-5"}}])
    ]
    return json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": items}).encode()


def secrets(pipe, gateway):
    """The lists hold secrets; the topic and the database do not."""
    body = planted()
    status, answer = send(gateway, body)
    check("a list with secrets is taken", (200, 3), (status, answer["accepted"]))
    pipe.wait_stored()
    check("the lists hold secrets", True, sum(one.count(SECRET) for one in LISTS) > 3 and body.count(PLANTED.encode()) > 10)
    values = [value for _, _, _, value in pipe.records(pipe.topic)]
    bodies = [read_body(value) for value in values]
    check("what is searched can be found, also in what is compressed", (True, True), (
        any(read_event(value)["body_codec"] == "ZSTD" for value in values),
        any(b'"auditID": "planted-2"' in one for one in bodies),
    ))
    tables = pipe.query(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
    )
    check("there are tables to search", True, len(tables) > 20)
    for secret in (SECRET, PLANTED.encode()):
        check(f"{secret.decode()} is not on the topic", 0, sum(secret in one for one in values + bodies))
        found = [name for (name,) in tables if pipe.value(f"select count(*) from {name} t where t::text like %s", f"%{secret.decode()}%")]
        check("nor in any table", [], found)


def refused(pipe, gateway):
    good = json.loads(LISTS[0])["items"][0]
    before = pipe.value("select count(*) from metaops.actions")
    items = [{**good, "auditID": "good-1"}, {"auditID": "x"}, 7, {**good, "auditID": "good-2"}]
    listed = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": items}
    status, answer = send(gateway, json.dumps(listed).encode())
    check("items that are no events are named, the others taken", (200, 2, 2, [200, 422, 422, 200]),
          (status, answer["accepted"], answer["refused"], [one["status"] for one in answer["results"]]))
    check("and counted", 2, metric(gateway.admin_url, 'metaops_gateway_audit_refusals_total{reason="no_event"}'))
    pipe.wait_stored()
    check("two actions more", before + 2, pipe.value("select count(*) from metaops.actions"))
    for what, wanted, body in [
        ("no list", 400, b"{}"),
        ("an array", 400, b"[]"),
        ("another group", 400, json.dumps({**listed, "apiVersion": "v1"}).encode()),
        ("a list that does not end", 400, json.dumps(listed).encode()[:-1]),
        ("items twice", 400, json.dumps(listed)[:-1].encode() + b',"items":[]}'),
        ("more than is taken", 413, b" " * (16 << 20) + b"{}"),
    ]:
        check(f"{what} is refused", wanted, send(gateway, body)[0])
    check("a name that no cluster has", 404, send(gateway, LISTS[0], "/api/v1/kubernetes/audit/a%20b")[0])
    check("no name", 404, post(gateway.url + "/api/v1/kubernetes/audit/", LISTS[0])[0])


def letters(pipe):
    """What comes by Kafka past the door and cannot be read is not kept: nobody could tell what is secret in it."""
    broken = b'{"cluster":"prod","event":{"auditID":"1","requestObject":{"args":["hunter2"'
    pipe.produce(pipe.topic, [(0, b"k", event_record(broken, format="kubernetes_audit"))])
    pipe.wait_stored()
    check("a dead letter without its body", [("identify", False)], pipe.query(
        "select stage, position('hunter2'::bytea in value) > 0 from graph.dead_letters"))


def shuffled(seed):
    lists = LISTS + LISTS
    random.Random(seed).shuffle(lists)
    with Pipeline("kubernetes-order", 1 + seed % 3) as pipe:
        gateway = pipe.gateway()
        for number in range(1 + seed % 2):
            pipe.worker(number + 1)
        pipe.wait_ready()
        for body in lists:
            status, answer = send(gateway, body)
            if status != 200 or answer["refused"]:
                check("every list is taken", 200, (status, answer))
        pipe.wait_stored()
        check(f"all actions in order {seed}", len(ACTIONS), pipe.value("select count(*) from metaops.actions"))
        return pipe.checksum()


def main():
    with Pipeline("kubernetes", 3) as pipe:
        gateway = pipe.gateway()
        pipe.worker()
        pipe.wait_ready()
        captured(pipe, gateway)
        sums = {pipe.checksum()}
        secrets(pipe, gateway)
        refused(pipe, gateway)
        letters(pipe)
    check("the same graph in every order", 1, len(sums | {shuffled(seed) for seed in range(3)}))
    end()


main()
