"""A training run and the registry meet at the artifact, whichever comes first, in any spelling; what it takes to make a
version again, against tables by hand."""

import itertools
import json

from checks import check

TRAINED = "0192a000-0000-7000-8000-000000000001"
DIRECT = "0192a000-0000-7000-8000-000000000002"
PARENT = "0192a000-0000-7000-8000-000000000003"
PRODUCER = "https://example.com/trainer"


def facet(**members):
    return {"_producer": PRODUCER, "_schemaURL": "https://example.com/facet.json", **members}


def completed(run, job, outputs, inputs=(), run_facets=None, job_facets=None, kind="COMPLETE"):
    return json.dumps(
        {
            "eventTime": "2026-11-23T15:03:10Z",
            "eventType": kind,
            "producer": PRODUCER,
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": {"runId": run, "facets": run_facets or {}},
            "job": {"namespace": "ml", "name": job, "facets": job_facets or {}},
            "inputs": list(inputs),
            "outputs": outputs,
        }
    ).encode()


# The registry says s3://bucket/m0 of churn-model version 2.
TYPED = completed(
    TRAINED,
    "train",
    [{"namespace": "s3a://bucket", "name": "m0/model.pkl", "facets": {"datasetType": facet(datasetType="MODEL")}}],
    [
        {"namespace": "s3://lake", "name": "features", "facets": {"version": facet(datasetVersion="42")}},
        {"namespace": "s3://lake", "name": "labels"},
    ],
    {
        "parent": facet(run={"runId": PARENT}, job={"namespace": "ml", "name": "nightly"}),
        "processing_engine": facet(name="spark", version="3.5.9"),
        "tags": facet(tags=[{"key": "image_digest", "value": "sha256:ab"}]),
    },
    {"sourceCodeLocation": facet(type="git", url="https://git/x", repoUrl="https://git/x", version="c0ffee")},
)
NAMED = completed(
    DIRECT,
    "train directly",
    [
        {
            "namespace": "gs://models",
            "name": "Fraud/",
            "facets": {"metaops_model": facet(namespace="registry", name="fraud", version="7", digest="SHA256:AB", mlflowRunId="r-1")},
        }
    ],
    run_facets={
        "airflow": facet(dagRun={"run_id": "manual__1", "conf": {"rate": 0.1}}, task={"task_id": "fit"}),
        "spark_properties": facet(properties={"spark.master": "local[2]", "spark.app.name": "fit"}),
        "environment-properties": facet(**{"environment-properties": {"LANG": "C.UTF-8"}}),
    },
)
# A run that fails has made nothing.
FAILED = completed(PARENT, "nightly", [{"namespace": "s3://bucket", "name": "m1", "facets": {"datasetType": facet(datasetType="model")}}], kind="FAIL")

REGISTRY_RUN = "3f9c53c98d994737be51a7028bb63988"
VERSIONS = [
    ("mlflow", "churn-model", "2", "s3://bucket/m0", None, REGISTRY_RUN, TRAINED, "inferred"),
    ("mlflow", "churn-model", "3", "s3://bucket/m1", None, REGISTRY_RUN, None, None),
    ("registry", "fraud", "7", "gs://models/Fraud", "sha256:ab", "r-1", DIRECT, "observed"),
]
REMADE = [
    ("run", TRAINED, "ml/train", "inferred", False),
    ("parent run", PARENT, "ml/nightly", "observed", False),
    ("code commit", "https://git/x", "c0ffee", "sourceCodeLocation", False),
    ("image", "image_digest", "sha256:ab", "tags", False),
    ("packages", None, None, None, True),
    ("engine", "spark", "3.5.9", "processing_engine", False),
    ("parameters", None, None, None, True),
    ("environment", None, None, None, True),
    ("input", "s3://lake/features", "42", "version", False),
    ("input", "s3://lake/labels", None, None, True),
]
BY_NAME = [
    ("registry", "run", DIRECT, "ml/train directly", "observed"),
    ("registry", "parameters", "rate", "0.1", "airflow"),
    ("registry", "parameters", "spark.app.name", "fit", "spark_properties"),
    ("registry", "parameters", "spark.master", "local[2]", "spark_properties"),
    ("registry", "environment", "LANG", "C.UTF-8", "environment-properties"),
]


def check_training(open_pipeline, send, bodies):
    """bodies: what the registry says of versions 2 and 3; send(gateway, body) delivers one."""
    steps = [("registry", bodies), ("run", [TYPED, NAMED]), ("failure", [FAILED])]
    checksums = set()
    for order in list(itertools.permutations(steps))[::2]:
        with open_pipeline() as pipe:
            gateway = pipe.gateway()
            pipe.worker()
            pipe.wait_ready()
            for kind, lines in order + order[:1]:
                if kind == "registry":
                    check("taken", [200] * len(lines), [send(gateway, body)[0] for body in lines])
                else:
                    pipe.emit(lines)
                pipe.wait_stored()
            what = " then ".join(kind for kind, _ in order)
            check(f"{what}: versions and their runs", VERSIONS, pipe.query(
                "select namespace, name, version, artifact_uri, digest, registry_run_id, run_uuid::text, run_source"
                " from metaops.model_versions order by 1, 2, 3"))
            check(f"{what}: what makes it again", REMADE, pipe.query("select * from metaops.reproduce('mlflow', 'churn-model', '2')"))
            check(f"{what}: by its name alone, as Spark and Airflow tell it", BY_NAME, pipe.query(
                "select namespace, what, name, value, source from metaops.reproduce('fraud', '7') where not missing"))
            check(f"{what}: nothing of no version", [], pipe.query("select * from metaops.reproduce('mlflow', 'churn-model', '9')"))
            checksums.add(pipe.checksum())
    check("the same graph, whichever came first", 1, len(checksums))
