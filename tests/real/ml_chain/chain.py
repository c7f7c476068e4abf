"""From a source column to a prediction, and to who changed what serves it. What Airflow, Spark and a kube-apiserver told is captured;
a real MLflow has a model logged and registered, a real MLServer answers with that very file, and a real detector sees drift. Walks
against tables made by hand from the captured files and from what is done here."""

import itertools
import json

import tools
from checks import check
from mlflow_site import MlflowSite
from mlserver_site import SERVER, MlserverSite, flowers_input
from own_pipeline import ROOT, Pipeline, post, wait_until
from polled_topics import PolledTopics, record

DATA = ROOT / "tests/data"
RUNS = [line for name in ("airflow", "spark") for line in (DATA / f"{name}.jsonl").read_bytes().splitlines()]
AUDIT = [path.read_bytes() for path in sorted((DATA / "kubernetes").glob("req_*.json"))]

# What Spark's program jdbc wrote, and the run that the captured deployment names in an annotation.
WAREHOUSE, FEATURES = "postgres://127.0.0.1:18432", "shop.mart.spark_joined"
ORDERS, CUSTOMERS = "shop.raw.orders", "shop.raw.customers"
SPARK = "jdbc.execute_save_into_data_source_command."
TRAINING = "0190f0aa-7c1e-7cc1-9d62-0c2a1f5f0c11"
# The namespace in which all of it is served.
FRAUD, STREAM = "fraud", f"{SERVER}/iris/iris"
IRIS = {"mlserver-model": "iris"}
SETOSA, VERSICOLOR = [5.1, 3.5, 1.4, 0.2], [5.7, 2.8, 4.1, 1.3]

# depth, kind, namespace, name, job. A model has all of its versions; nobody told of what the first one was made.
UPSTREAM = [
    (1, "deployment", FRAUD, SERVER, None),
    (1, "model", FRAUD, "iris", None),
    (2, "model_version", FRAUD, "iris@1", None),
    (2, "model_version", FRAUD, "iris@2", None),
    (3, "dataset", WAREHOUSE, FEATURES, "train_iris"),
    (4, "dataset", WAREHOUSE, CUSTOMERS, f"{SPARK}mart_spark_joined"),
    (4, "dataset", WAREHOUSE, ORDERS, f"{SPARK}mart_spark_joined"),
]
# The object iris of Seldon Core loads the same artifact.
DOWNSTREAM = [
    (1, "dataset", WAREHOUSE, "shop.mart.daily", "shop_sql_pg.insert_daily"),
    (1, "dataset", WAREHOUSE, FEATURES, f"{SPARK}mart_spark_joined"),
    (1, "dataset", WAREHOUSE, "shop.mart.spark_totals", f"{SPARK}mart_spark_totals"),
    (1, "dataset", WAREHOUSE, "shop.mart.top_customers", "shop_sql_pg.top_customers"),
    (2, "dataset", "s3a://models", "iris/2", "train_iris"),
    (2, "model_version", FRAUD, "iris@2", "train_iris"),
    (3, "deployment", FRAUD, "iris", None),
    (3, "deployment", FRAUD, SERVER, None),
    (3, "model", FRAUD, "iris", None),
    (4, "inference_stream", FRAUD, STREAM, None),
]
# Of the captured lists, newest first; five of them have the last one.
CHANGES = [
    ("ci-deployer", "patch", "scale", 200),
    ("ci-deployer", "patch", "scale", 200),
    ("ci-deployer", "patch", None, 200),
    ("ci-deployer", "create", None, 201),
]
# The image of what serves is not that of the training.
REMADE = [
    ("run", TRAINING, "ml/train_iris", "inferred", False),
    *[(what, None, None, None, True) for what in ("code commit", "image", "packages", "engine", "parameters", "environment")],
    ("input", f"{WAREHOUSE}/{FEATURES}", None, None, True),
]
WALK = "select depth, kind, namespace, name, via_job_name from metaops."


def trained():
    """The training run: of the features it makes what the registry calls version 2."""
    producer = "https://example.com/trainer"
    is_model = {"_producer": producer, "_schemaURL": "https://example.com/facet.json", "datasetType": "MODEL"}
    return json.dumps({
        "eventTime": "2026-11-23T14:50:00Z", "eventType": "COMPLETE", "producer": producer,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": TRAINING}, "job": {"namespace": "ml", "name": "train_iris"},
        "inputs": [{"namespace": WAREHOUSE, "name": FEATURES}],
        "outputs": [{"namespace": "s3a://models", "name": "iris/2", "facets": {"datasetType": is_model}}],
    }).encode()


def replay(gateway):
    check("audit events are taken", {200}, {post(f"{gateway.url}/api/v1/kubernetes/audit/prod", body)[0] for body in AUDIT})
    check("runs are taken", {201}, {post(f"{gateway.url}/api/v1/lineage", body)[0] for body in [*RUNS, trained()]})


def register(pipe, gateway):
    """A run of MLflow logs a model, which becomes version 2 of iris: the run, and the model's file."""
    with MlflowSite(pipe.folder) as site:
        site.webhook("metaops", f"{gateway.url}/api/v1/mlflow/webhooks", None)
        logged = json.loads(site.run_program(tools.SUPPORT / "log_flowers.py").splitlines()[-1])
        site.post("registered-models/create", name="iris")
        site.post("model-versions/create", name="iris", source="s3://models/iris/1")
        signature = {"key": "signature", "value": logged["signature"]}
        site.post("model-versions/create", name="iris", source="s3://models/iris/2", run_id=logged["run"], tags=[signature])
        released = "select count(*) from metaops.model_versions where name = 'iris' and released_at is not null"
        wait_until("both versions are in the graph", lambda: pipe.value(released) == 2)
        return logged


def asked_elsewise(pipe):
    """The alert of requests that are not what the signature declares, judged as the alerter does, an hour later."""
    pipe.wait_stored()
    pipe.query("update graph.served_watch set look_at = least(look_at, now())")
    pipe.query("select graph.judge_served(1000, now() + interval '1 hour')")
    return pipe.query("select namespace, name, status, title from metaops.alerts where kind = 'model' and detail ->> 'fact' = 'tensors'")


def ask_for_less(pipe, topics):
    """Half as exact as declared, which MLServer answers all the same. A request and its answer may lie in two minutes, which
    are not compared: then the next one tells."""
    numbers = itertools.count()

    def is_told():
        body = json.dumps(flowers_input([SETOSA], "FP32")).encode()
        topics.ask(record(f"less-{next(numbers)}", IRIS, [], body))
        return asked_elsewise(pipe)

    told = wait_until("less exact requests are an alert", is_told)
    check("the alert", [(FRAUD, SERVER, "open", f"{SERVER}: requests to iris@2 are not what its signature declares")], told)


def answer(pipe, topics, logged):
    with MlserverSite(pipe.folder, {"iris": {"2": logged["file"]}}, topics.names, train="take_models.py"):
        topics.ask_until_answered(record("asked", IRIS, [SETOSA, VERSICOLOR]))
        body = json.loads(pipe.records(topics.answers)[0][3])
        check("MLflow's model answers", ("iris", "2", [0, 1]), (body["model_name"], body["model_version"], body["outputs"][0]["data"]))
        topics.wait_stored()
        check_model(pipe, logged)
        check("the request is what the signature declares", [], asked_elsewise(pipe))
        ask_for_less(pipe, topics)


def see_drift(pipe, gateway):
    """Flowers that have grown."""
    detectors = {"iris-drift": {"predict_parameters": {"drift_type": "feature"}}}
    with MlserverSite(pipe.folder, detectors, name="drift-server", runtime="mlserver_alibi", train="train_detectors.py") as site:
        grown = [[number + 10 for number in row] for row in site.flowers()]
        site.pass_on(gateway, "iris-drift", "grown", grown, **{"ce-namespace": FRAUD})


def check_walks(pipe):
    check("from the prediction to the source", UPSTREAM, pipe.query(
        f"{WALK}upstream('{FRAUD}', '{STREAM}', kind => 'inference_stream') order by 1, 2, 3, 4"))
    check("from the source to the prediction", sorted(DOWNSTREAM, key=str), sorted(pipe.query(
        f"{WALK}downstream('{WAREHOUSE}', '{CUSTOMERS}')"), key=str))
    check("to the column that the names come from", True, ("shop.raw.customers", "name") in pipe.query(
        f"select name, field from metaops.column_upstream('{WAREHOUSE}', '{FEATURES}', 'name')"))
    check("who changed what serves it", CHANGES, pipe.query(
        f"select actor, verb, subresource, code from metaops.who_changed('Deployment', '{FRAUD}', '{SERVER}')"))
    check("which version it serves, and by whom", [("iris", "2", "ci-deployer")], pipe.query(
        f"select model, version, changed_by from metaops.served_at('{FRAUD}', '{SERVER}', '2026-11-23 15:01:00Z')"))
    check("what it takes to make it again", REMADE, pipe.query(f"select * from metaops.reproduce('{FRAUD}', 'iris', '2')"))


def check_model(pipe, logged):
    check("the version, with its run as MLflow and as the lineage name it", [
        ("2", "s3://models/iris/2", logged["run"], TRAINING)], pipe.query(
        "select version, artifact_uri, registry_run_id, run_uuid::text from metaops.model_versions where name = 'iris' and version = '2'"))
    check("the same request, however often it was asked, counts once", [("iris", 1, 1, 1, ["2"])], pipe.query(
        "select model, sum(requests)::int, sum(answers)::int, sum(pairs)::int, max(versions) from metaops.inference_windows"
        " where model = 'iris' group by 1"))


def check_alerts(pipe):
    check("the detector's alert", [(FRAUD, "iris-drift", "open", "iris-drift: sees drift of 4 of 4 features")], pipe.query(
        "select namespace, name, status, title from metaops.alerts where kind = 'model' and subject_kind = 'monitor'"))
    check("no letters", 0, pipe.value("select count(*) from metaops.dead_letters"))


def main():
    with Pipeline("ml-chain", partitions=3) as pipe:
        # Where models are registered by the name of the namespace in which they are served.
        gateway = pipe.gateway(METAOPS_INGEST_MLFLOW_NAMESPACE=FRAUD)
        pipe.worker()
        topics = PolledTopics(pipe, SERVER, FRAUD)
        pipe.wait_ready()
        replay(gateway)
        logged = register(pipe, gateway)
        answer(pipe, topics, logged)
        see_drift(pipe, gateway)
        topics.wait_stored()
        check_walks(pipe)
        check_alerts(pipe)


tools.run(main)
