"""small_world - seeded random events about few names at few times, so that they meet: runs that change
their job, parents in circles, aliases, the same facet said twice at one time, late and absurd ones."""

import json

NAMESPACES = ["w", "W", "w\u00e9", "w " + "x" * 3000]
NAMES = ["a", "b", "c.d", "nul\u0000in", "\ud800lone", "n" * 9000]
RUNS = [
    "0190a0a0-0000-7000-8000-000000000001",
    "0190A0A0-0000-7000-8000-000000000002",
    "{0190a0a0-0000-7000-8000-000000000003}",
    "not a uuid",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
]
TIMES = [
    "2026-03-01T10:00:00Z",
    "2026-03-01T10:00:00.000001Z",
    "2026-03-01T12:00:00+02:00",
    "2026-03-02T00:00:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
]
TYPES = ["START", "RUNNING", "COMPLETE", "FAIL", "ABORT", "OTHER", "complete", "BOGUS", None]
BASE = {"_producer": "https://example.com/p", "_schemaURL": "https://example.com/f.json"}


def facet(rng, **content):
    return {**BASE, "_producer": f"https://example.com/{rng.randrange(2)}", **content}


def name(rng):
    return {"namespace": rng.choice(NAMESPACES), "name": rng.choice(NAMES)}


def deleted(rng, made):
    return facet(rng, _deleted=True) if rng.random() < 0.1 else made


def some(rng, makers, chance=0.4):
    return {key: deleted(rng, maker()) for key, maker in makers.items() if rng.random() < chance}


def column_lineage(rng):
    def field():
        return {**name(rng), "field": rng.choice("xyz"), "transformations": transformations()}

    def transformations():
        kinds = [{"type": "DIRECT", "subtype": rng.choice(["IDENTITY", "AGGREGATION"]), "masking": rng.random() < 0.5},
                 {"type": "INDIRECT", "subtype": "JOIN"}]
        return rng.sample(kinds, rng.randrange(3))

    made = facet(rng, fields={f: {"inputFields": [field() for _ in range(rng.randrange(3))]} for f in rng.sample("xyz", 2)})
    if rng.random() < 0.3:
        made["dataset"] = [field()]
    return made


def dataset_facets(rng):
    return some(rng, {
        "schema": lambda: facet(rng, fields=[
            {"name": f, "type": rng.choice(["int", "text", "te***t", ""])} for f in rng.sample("xyz", rng.randrange(4))]),
        "columnLineage": lambda: column_lineage(rng),
        "symlinks": lambda: facet(rng, identifiers=[{**name(rng), "type": "TABLE"}]),
        "ownership": lambda: facet(rng, owners=[{"name": rng.choice("pq")}]),
        "documentation": lambda: facet(rng, description=rng.choice(["one", "two"])),
        "tags": lambda: facet(rng, tags=[{"key": rng.choice("kl"), "value": rng.choice(["true", "v"])}]),
        "version": lambda: facet(rng, datasetVersion=rng.choice("12")),
        "lifecycleStateChange": lambda: facet(rng, lifecycleStateChange=rng.choice(["CREATE", "DROP", "OVERWRITE"])),
        "odd_one": lambda: facet(rng, x=rng.choice([1, 1.0, None, [], {"k": "\u0000"}])),
        "hierarchy": lambda: rng.choice(["wrong type", 5, facet(rng, hierarchy=[])]),
    })


def datasets(rng, way):
    return [
        {**name(rng), "facets": dataset_facets(rng),
         f"{way}Facets": some(rng, {f"{way}Statistics": lambda: facet(rng, rowCount=rng.choice([0, 7]), size=rng.choice([1, 2]))})}
        for _ in range(rng.choice([0, 0, 1, 2]))
    ]


def run_facets(rng):
    def parent():
        made = facet(rng, run={"runId": rng.choice(RUNS)}, job=name(rng))
        if rng.random() < 0.5:
            made["root"] = {"run": {"runId": rng.choice(RUNS)}, "job": name(rng)}
        return made

    return some(rng, {
        "parent": parent,
        "nominalTime": lambda: facet(rng, nominalStartTime=rng.choice(TIMES), nominalEndTime=rng.choice(TIMES)),
        "errorMessage": lambda: facet(rng, message=rng.choice(["bad", "worse"]), programmingLanguage="x"),
        "processing_engine": lambda: facet(rng, version=rng.choice("12"), name="engine"),
        "tags": lambda: facet(rng, tags=[{"key": "r", "value": rng.choice("12")}]),
    })


def job_facets(rng):
    return some(rng, {
        "sql": lambda: facet(rng, query=rng.choice(["select 1", "select 2"])),
        "sourceCodeLocation": lambda: facet(rng, type="git", url="u", version=rng.choice("12")),
        "jobType": lambda: facet(rng, processingType=rng.choice(["BATCH", "STREAMING"]), integration="X", jobType="J"),
        "ownership": lambda: facet(rng, owners=[{"name": rng.choice("pq")}]),
        "documentation": lambda: facet(rng, description=rng.choice(["one", "two"])),
    })


def event(rng):
    made = {"eventTime": rng.choice(TIMES), "producer": f"https://example.com/{rng.randrange(3)}", "schemaURL": "u"}
    kind = rng.choice(["run"] * 6 + ["job", "dataset"])
    if kind == "dataset":
        made["dataset"] = {**name(rng), "facets": dataset_facets(rng)}
        return made
    made["job"] = {**name(rng), "facets": job_facets(rng)}
    if kind == "run":
        made["run"] = {"runId": rng.choice(RUNS), "facets": run_facets(rng)}
        if (kind_of := rng.choice(TYPES)) is not None:
            made["eventType"] = kind_of
    made["inputs"] = datasets(rng, "input")
    made["outputs"] = datasets(rng, "output")
    return made


def events(rng, count):
    """Their bytes, no two alike."""
    lines = {}
    while len(lines) < count:
        lines[json.dumps(event(rng)).encode()] = None
    return list(lines)
