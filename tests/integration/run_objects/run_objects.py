"""Runs and the pods that they ran in find each other, whichever is known first: a task of Airflow by the labels that its provider
makes (pods captured from a kube-apiserver), an application of Spark by its id, any object by an annotation. Expected rows are made
by hand from the captured lists and the events below."""

import json
import random

from checks import check, end
from own_pipeline import ROOT, Pipeline, post
from scenarios import PRODUCER, facet

AUDIT = "/api/v1/kubernetes/audit/prod"
LISTS = [path.read_bytes() for path in sorted((ROOT / "tests/data/kubernetes").glob("req_*.json"))]
TRAIN, RETRIED, DRIVER, STAGE, NAMED = (f"00000000-0000-4000-8000-00000000000{number}" for number in range(1, 6))
# The captured deployment and model that serve iris name it as the run that made their model: it did not run in them.
SERVED = "0190f0aa-7c1e-7cc1-9d62-0c2a1f5f0c11"
MODEL = {"namespace": "s3://models", "name": "iris", "facets": {"metaops_model": facet(namespace="fraud", name="iris", version="1")}}


def completed(run, job, facets, outputs=()):
    return json.dumps({
        "eventTime": "2026-11-23T15:00:00Z", "eventType": "COMPLETE", "producer": PRODUCER,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run, "facets": facets}, "job": {"namespace": "ml", "name": job},
        "inputs": [], "outputs": list(outputs)}).encode()


def attempt(number):
    return {"airflow": facet(dag={"dag_id": "iris_train"}, task={"task_id": "train_model"},
                             dagRun={"run_id": "scheduled__2026-11-23T00:00:00+00:00"}, taskInstance={"try_number": number})}


SPARK = {"spark_applicationDetails": facet(applicationId="spark-7a1f5a0a3b7b4d8f9c2f5a9f7f1c0d11", master="k8s", appName="iris-features")}
LINEAGE = [
    completed(TRAIN, "train", attempt(1), [MODEL]), completed(RETRIED, "train", attempt(2)),
    completed(DRIVER, "features", SPARK), completed(STAGE, "features.write", SPARK),
    completed(NAMED, "export", {"airflow": facet(dag={"dag_id": 7}, task=None)}),
    completed(SERVED, "train_what_serves", {}),
]
AIRFLOW = "system:serviceaccount:airflow:airflow-worker"
# run, job, kind, namespace, name, images, source, confidence, who made it. The pod of that name was made twice.
OBJECTS = [
    (TRAIN, "train", "Pod", "fraud", "train-model-q8w2x1", ["registry.example/train:4f1d0c9"], "labels of Airflow", "inferred", AIRFLOW),
    (TRAIN, "train", "Pod", "fraud", "train-model-q8w2x1", ["registry.example/train:4f1d0c9"], "labels of Airflow", "inferred", AIRFLOW),
    (DRIVER, "features", "Pod", "fraud", "features-4c1b-driver", ["registry.example/spark:3.5.4"], "label spark-app-selector", "observed",
     "ci-deployer"),
    (STAGE, "features.write", "Pod", "fraud", "features-4c1b-driver", ["registry.example/spark:3.5.4"], "label spark-app-selector",
     "observed", "ci-deployer"),
    (NAMED, "export", "Deployment", "fraud", "exporter", ["registry.example/train:4f1d0c9"], "annotation metaops.io/run-id", "declared",
     AIRFLOW),
]


def annotated():
    """The pod's creation again, as one of another object that names its run."""
    for body in LISTS:
        events = json.loads(body)
        for item in events["items"]:
            if item["verb"] == "create" and item["objectRef"].get("name") == "train-model-q8w2x1":
                item["auditID"] = "11111111-1111-4111-8111-111111111111"
                item["objectRef"].update(resource="deployments", name="exporter", apiGroup="apps")
                made = item["responseObject"]
                made.update(kind="Deployment")
                made["metadata"].update(name="exporter", uid="22222222-2222-4222-8222-222222222222",
                                        annotations={"metaops.io/run-id": NAMED})
                return json.dumps({**events, "items": [item]}).encode()
    raise AssertionError("no pod is created in the captured lists")


def world(seed):
    steps = [("/api/v1/lineage", body) for body in LINEAGE] + [(AUDIT, body) for body in [*LISTS, annotated()]]
    if seed:
        steps *= 2
        random.Random(seed).shuffle(steps)
    with Pipeline("run-objects", 1 + seed % 3) as pipe:
        gateway = pipe.gateway()
        pipe.worker()
        pipe.wait_ready()
        for path, body in steps:
            check(f"{path} is taken", True, post(gateway.url + path, body)[0] in (200, 201))
        pipe.wait_stored()
        check("what ran in what", OBJECTS, pipe.query(
            "select run_id, job_name, kind, namespace, name, images, source, confidence, actor from metaops.run_objects"
            " order by run_id, at"))
        check("the image of the model's run", [("fraud/train-model-q8w2x1", "registry.example/train:4f1d0c9", "labels of Airflow")],
              pipe.query("select name, value, source from metaops.reproduce('fraud', 'iris', '1') where what = 'image'"))
        return pipe.checksum()


def main():
    check("the same graph in every order", 1, len({world(seed) for seed in (0, 1, 2)}))
    end()


main()
