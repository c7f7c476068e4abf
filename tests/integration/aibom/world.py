"""Versions of models: one of which everything is told, one of which only its run tells, and one in a registry that has tags."""

import json

from scenarios import PRODUCER, facet

PREPARE, TRAIN, SECOND, COPY, FIT = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3, 4, 5))
RAW = {"namespace": "postgres://shop", "name": "my 100% orders"}
FEATURES = {"namespace": "s3://lake", "name": "features"}
STORED = {"namespace": "s3://bucket", "name": "m2", "facets": {"datasetType": facet(datasetType="MODEL")}}
ARTIFACT = {"namespace": "s3://models", "name": "fraud/7"}
HEX = "ab" * 32


def model(name, version, **members):
    return {"metaops_model": facet(namespace="registry", name=name, version=version, **members)}


def event(at, kind, run, job, inputs=(), outputs=(), facets=None, job_facets=None, namespace="ml"):
    return json.dumps({
        "eventTime": at, "eventType": kind, "producer": PRODUCER,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run, "facets": facets or {}}, "job": {"namespace": namespace, "name": job, "facets": job_facets or {}},
        "inputs": list(inputs), "outputs": list(outputs)}).encode()


def declared(at, dataset, **facets):
    """What people say of a dataset."""
    return json.dumps({
        "eventTime": at, "producer": "https://example.org/people",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent",
        "dataset": {**dataset, "facets": facets}}).encode()


def tags(**told):
    return facet(tags=[{"key": key, "value": value} for key, value in told.items()])


def owner(name):
    return facet(owners=[{"name": name}])


EVENTS = [
    event("2026-11-23T14:00:00.250Z", "START", PREPARE, "prepare", [RAW], [FEATURES]),
    event("2026-11-23T14:10:00.750Z", "COMPLETE", PREPARE, "prepare", [RAW], [FEATURES]),
    event("2026-11-23T15:15:00.5+01:00", "START", TRAIN, "train", [FEATURES]),
    event("2026-11-23T15:30:00.5Z", "COMPLETE", TRAIN, "train",
          [{**FEATURES, "facets": {"version": facet(datasetVersion="42")}}],
          [{**ARTIFACT, "facets": model("fraud", "7", digest=f"sha256:{HEX}")}],
          {"processing_engine": facet(name="spark", version="3.5.9"),
           "tags": tags(image_digest="sha256:cd"),
           "executionParameters": facet(parameters=[{"key": "n", "name": "trees", "value": "3"}, {"key": "unset"}]),
           "training": facet(parameters={"rate": 0.1, "depth": 3}, packages={"scikit-learn": "1.5.2"})},
          {"sourceCodeLocation": facet(type="git", url="https://git/x", repoUrl="https://git/x", version="c0ffee")}),
    declared("2026-11-23T16:00:00Z", FEATURES, ownership=owner("team-features"), datasetType=facet(datasetType="TABLE"),
             tags=tags(licence="CC-BY-4.0", release_time="2026-11-22", classification="internal")),
    declared("2026-11-23T16:00:00Z", ARTIFACT, ownership=owner("team-fraud"), tags=tags(
        licence="Apache-2.0", concluded_licence="MIT", release_time="2026-11-23T17:00:00.9+01:00")),
    event("2026-11-23T15:50:00Z", "COMPLETE", SECOND, "train", [RAW],
          [{"namespace": "s3://models", "name": "churn/1", "facets": model("churn", "1")}]),
    # What is stored there was made by the one and overwritten by the other.
    event("2026-11-23T14:40:00Z", "COMPLETE", COPY, "copy", [RAW], [STORED]),
    event("2026-11-23T14:50:00Z", "COMPLETE", FIT, "fit", [RAW], [STORED], namespace="labs"),
]

CONTRACT = "Contract 4711, § 2"

# Tags of the version and of the model, by MLflow's webhooks; the version's own count first.
REGISTERED = [json.dumps({"entity": entity, "action": "created", "timestamp": "2026-11-23T15:03:13.435476+00:00", "data": {
    "name": "risk", "tags": told, "description": None, **more}}).encode() for entity, told, more in (
        ("registered_model", {"owner": "team-risk", "license": "MIT"}, {}),
        ("model_version", {"license": "BSD-3-Clause", "concluded_license": "BSD-3-Clause", "model_type": "tree",
                           "domain": "credit", "intended_use": "scoring", "limitation": "adults only"},
         {"version": "2", "source": "s3://bucket/m0", "run_id": "3f9c53c98d994737be51a7028bb63988"}),
        ("model_version", {"license": CONTRACT, "concluded_license": "mit or (isc and GPL-2.0-only with classpath-exception-2.0)"},
         {"version": "3", "source": "s3://bucket/m1"}),
        ("model_version", {"license": "MIT and Zlib"}, {"version": "4", "source": "s3://bucket/m2"}))]
