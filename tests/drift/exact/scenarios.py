"""Small histories and the alerts that must be there once all of it is known, written by hand from the rules: what was
first is the baseline; every other value is one alert, open while it holds and else resolved."""

import datetime
import json
import uuid

PRODUCER = "https://github.com/OpenLineage/OpenLineage/tree/1.23.0/integration/spark"
OTHER = "https://github.com/OpenLineage/OpenLineage/tree/1.23.0/integration/dbt"


def run_id(namespace, name):
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{namespace}/{name}"))


def openlineage(namespace, event):
    time = datetime.datetime(2026, 1, 5, tzinfo=datetime.timezone.utc) + datetime.timedelta(minutes=event["minute"])
    facets = dict(event["run_facets"])
    if event["parent"]:
        facets["parent"] = {"_producer": PRODUCER, "_schemaURL": "https://example.org/facet.json",
                            "run": {"runId": run_id(namespace, event["parent"])},
                            "job": {"namespace": namespace, "name": "parent"}}
    return json.dumps({
        "eventTime": time.isoformat(), "eventType": event["state"], "producer": event["producer"],
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run_id(namespace, event["run"]), "facets": facets},
        "job": {"namespace": namespace, "name": event["job"], "facets": event["job_facets"]},
        "inputs": [{"namespace": namespace, **ds} for ds in event["inputs"]],
        "outputs": [{"namespace": namespace, **ds} for ds in event["outputs"]]}).encode()


def facet(**members):
    return {"_producer": PRODUCER, "_schemaURL": "https://example.org/facet.json", **members}


def fields(*names):
    """"id:int a.b:text": name and type, a field without type has none."""
    described = []
    for word in names:
        name, _, kind = word.partition(":")
        described.append({"name": name, **({"type": kind} if kind else {})})
    return {"schema": facet(fields=described)}


def engine(version, adapter="1.23.0"):
    return {"processing_engine": facet(name="spark", version=version, openlineageAdapterVersion=adapter)}


def dataset(name, facets=None):
    return {"name": name, "facets": facets or {}}


def at(minute, job="job", outputs=(), inputs=(), job_facets=None, run=None, state="COMPLETE", parent=None,
       producer=PRODUCER, run_facets=None):
    return {"run_facets": run_facets or {}, "minute": minute, "job": job, "outputs": list(outputs), "inputs": list(inputs), "parent": parent,
            "job_facets": job_facets or {}, "run": run or f"{job}@{minute}", "state": state, "producer": producer}


def writes(minute, *names, **more):
    return at(minute, outputs=[dataset("t", fields(*names))], **more)


def owned(minute, *owners):
    return at(minute, outputs=[dataset("t", {"ownership": facet(owners=[{"name": o} for o in owners])})])


def reads(minute, *names, **more):
    return at(minute, inputs=[dataset(name) for name in names], **more)


def codes(minute, query, **more):
    return at(minute, job_facets={"sql": facet(query=query)}, **more)


def starts(minute, query=None):
    """A run of two events; what it runs is only in the first."""
    name = f"started@{minute}"
    return [(codes(minute, query, run=name, state="START") if query else at(minute, run=name, state="START")),
            at(minute + 1, run=name)]


def of_commit(version):
    return {"sourceCodeLocation": facet(type="git", url="https://example.org/code.git", version=version)}


def moves(minute, source, target, **more):
    return at(minute, inputs=[dataset(source)], outputs=[dataset(target)], **more)


def lineage(minute):
    """As writes, and says what its column is made of."""
    made_of = {"id": {"inputFields": [{"namespace": "elsewhere", "name": "raw", "field": "id"}]}}
    return at(minute, outputs=[dataset("t", {**fields("id:int"), "columnLineage": facet(fields=made_of)})])


def any_history(rng):
    """Ten events of two jobs that may change anything that is compared, with little to choose from, so that it comes back."""
    history = []
    for minute in rng.sample(range(1, 5000), 10):
        facets = of_commit(rng.choice(["c1", "c2"])) if rng.random() < 0.7 else {}
        facets.update({"sql": facet(query=rng.choice(["select 1 from x", "select a from x"]))} if rng.random() < 0.3 else {})
        written = {**fields("id:int", *rng.sample(["a:text", "b:text"], rng.randrange(3))),
                   "ownership": facet(owners=[{"name": rng.choice(["ann", "bob"])}])}
        history.append(at(minute, job=rng.choice(["job", "job", "other"]), job_facets=facets,
                          inputs=[dataset(name) for name in rng.sample(["x", "y"], rng.randrange(1, 3))],
                          outputs=[dataset(rng.choice(["t", "t", "u"]), written)],
                          state=rng.choice(["COMPLETE", "COMPLETE", "COMPLETE", "FAIL"]),
                          run_facets=engine(rng.choice(["3.4", "3.5"])) if rng.random() < 0.5 else None))
    return sorted(history, key=lambda event: event["minute"])


# Name: (events, {(kind, subject, field, status)}).
SCENARIOS = {
    "a column goes": (
        [writes(1, "id:int", "a:text"), writes(2, "id:int")],
        {("schema", "t", "a", "open")}),
    "a column goes with a commit": (
        [writes(1, "id:int", "a:text", job_facets=of_commit("c1")),
         at(2, run="bad", state="START", job_facets=of_commit("c2")), writes(3, "id:int", run="bad"),
         writes(4, "id:int", job_facets=of_commit("c3"))],
        {("schema", "t", "a", "open"), ("code", "job", None, "resolved"), ("code", "job", None, "open")}),
    "it goes again, each time with a commit": (
        [writes(1, "id:int", "a:text", job_facets=of_commit("c1")), writes(2, "id:int", job_facets=of_commit("c2")),
         writes(3, "id:int", "a:text", job_facets=of_commit("c3")), writes(4, "id:int", job_facets=of_commit("c4"))],
        {("schema", "t", "a", "open"), ("code", "job", None, "resolved"), ("code", "job", None, "open")}),
    "two runs without an input, each with a commit": (
        [reads(1, "a", "b", job_facets=of_commit("c1")), reads(2, "a", job_facets=of_commit("c2")),
         reads(3, "a", job_facets=of_commit("c3"))],
        {("topology", "job", None, "open"), ("code", "job", None, "resolved"), ("code", "job", None, "open")}),
    "a column comes": (
        [writes(1, "id:int"), writes(2, "id:int", "a:text")],
        {("schema", "t", "a", "open")}),
    "a column goes and comes back": (
        [writes(1, "id:int", "a:text"), writes(2, "id:int"), writes(3, "id:int", "a:text")],
        {("schema", "t", "a", "resolved")}),
    "it goes again": (
        [writes(1, "id:int", "a:text"), writes(2, "id:int"), writes(3, "id:int", "a:text"), writes(4, "id:int")],
        {("schema", "t", "a", "open")}),
    "a column stays lost while another comes": (
        [writes(1, "id:int", "a:text"), writes(2, "id:int"), writes(3, "id:int", "b:text")],
        {("schema", "t", "a", "open"), ("schema", "t", "b", "open")}),
    "another type": (
        [writes(1, "id:int"), writes(2, "id:text")],
        {("schema", "t", "id", "open")}),
    "the same type, spelled otherwise": (
        [writes(1, "id:int4", "a:VARCHAR(10)", "b:double precision"), writes(2, "id:INTEGER", "a:varchar(10)", "b:float8")],
        set()),
    "a masked and a missing type are unknown": (
        [writes(1, "id:int", "a:text"), writes(2, "id:in***t", "a"), writes(3, "id:int", "a:text")],
        set()),
    "two changes at once are one alert": (
        [writes(1, "id:int", "a:text", "b:text"), writes(2, "id:bigint", "b:text")],
        {("schema", "t", None, "open")}),
    "what readers see is no statement": (
        [writes(1, "id:int", "a:text"), at(2, job="reader", inputs=[dataset("t", fields("id:text"))])],
        set()),
    "no schema, an empty one: nothing said": (
        [writes(1, "id:int"), at(2, outputs=[dataset("t")]), at(3, outputs=[dataset("t", fields())])],
        set()),
    "two producers, each by itself": (
        [writes(1, "id:int", "a:text"),
         at(2, outputs=[dataset("t", {"schema": {**fields("id:int")["schema"], "_producer": OTHER}})]),
         writes(3, "id:int", "a:text")],
        set()),
    "an owner goes": (
        [owned(1, "ann", "bob"), owned(2, "ann")],
        {("stewardship", "t", None, "open")}),
    "owners in another order": (
        [owned(1, "ann", "bob"), owned(2, "bob", "ann")],
        set()),
    "other literals in SQL are the same code": (
        [codes(1, "select a from t where d = '2026-01-01' and n in (1, 2)"),
         codes(2, "SELECT a FROM t -- again\n where d = '2026-01-02' and n in (1, 2, 3)")],
        set()),
    "another SQL": (
        [codes(1, "select a from t"), codes(2, "select a, b from t")],
        {("code", "job", None, "open")}),
    "masked SQL is unknown": (
        [codes(1, "select a from t"), codes(2, "select a f***m t")],
        set()),
    "one run of a parent says several things": (
        [codes(1, "drop table a", parent="p1"), codes(2, "drop table b", parent="p1"),
         codes(3, "drop table a", parent="p2"), codes(4, "drop table b", parent="p2")],
        set()),
    "another engine": (
        [at(1, run_facets=engine("3.4.1")), at(2, run_facets=engine("3.5.0")), at(3, run_facets=engine("3.5.0"))],
        {("environment", "job", None, "open")}),
    "another engine, and back": (
        [at(1, run_facets=engine("3.4.1")), at(2, run_facets=engine("3.5.0")), at(3, run_facets=engine("3.4.1"))],
        {("environment", "job", None, "resolved")}),
    "another emitter": (
        [at(1, run_facets=engine("3.4.1")), at(2, run_facets=engine("3.4.1", "1.24.0"))],
        {("behaviour", "job", None, "open")}),
    "it fails": (
        [at(1), at(2, state="FAIL")],
        {("behaviour", "job", None, "open")}),
    "it fails and works again": (
        [at(1), at(2, state="FAIL"), at(3)],
        {("behaviour", "job", None, "resolved")}),
    "it never worked": (
        [at(1, state="FAIL"), at(2, state="FAIL")],
        set()),
    "a new input": (
        [reads(1, "a"), reads(2, "a", "b")],
        {("topology", "job", None, "open")}),
    "inputs of one run come one by one": (
        [reads(1, "a", run="r", state="START"), reads(2, "b", run="r"), reads(3, "a", "b")],
        set()),
    "another day's partition is no new input": (
        [reads(1, "a/day=2026-01-01"), reads(2, "a/day=2026-01-02"), reads(3, "a/day=2026-01-03")],
        set()),
    "one run without an input is a branch not taken": (
        [reads(1, "a", "b"), reads(2, "a")],
        set()),
    "an input is gone for two runs": (
        [reads(1, "a", "b"), reads(2, "a"), reads(3, "a")],
        {("topology", "job", None, "open")}),
    "nobody writes a dataset any more": (
        [writes(1, "id:int"), at(2, outputs=[dataset("u")]), at(3, outputs=[dataset("u")])],
        {("topology", "t", "orphan", "open")}),
    "one run without an output": (
        [writes(1, "id:int"), at(2, outputs=[dataset("u")])],
        set()),
    "another job writes it still": (
        [writes(1, "id:int"), writes(2, "id:int", job="job", run="second"), at(3, outputs=[dataset("u")]),
         at(4, outputs=[dataset("u")]), writes(5, "id:int", job="other")],
        {("topology", "t", None, "open")}),  # a second writer, and no orphan
    "both writers have gone": (
        [writes(1, "id:int", parent="p"), writes(2, "id:int", job="other", parent="p"), at(3, outputs=[dataset("u")]),
         at(4, outputs=[dataset("u")]), at(5, job="other", outputs=[dataset("v")]), at(6, job="other", outputs=[dataset("v")])],
        {("topology", "t", "orphan", "open")}),
    "it is written again": (
        [writes(1, "id:int"), at(2, outputs=[dataset("u")]), at(3, outputs=[dataset("u")]), writes(4, "id:int")],
        set()),
    "another day's partition is no orphan": (
        [at(day, outputs=[dataset(f"t/day=2026-01-0{day}")]) for day in (1, 2, 3, 4)],
        set()),
    "a cycle is closed by a job that was there": (
        [moves(1, "x", "y", job="a"), moves(2, "y", "z", job="b"), moves(3, "q", "x", job="c"), moves(2000, "z", "x", job="c", run="r")],
        {("topology", "c", None, "open"), ("topology", "c", "cycle", "open")}),
    "a cycle is closed by a new job": (
        [moves(1, "x", "y", job="a"), moves(2, "y", "z", job="b"), moves(2000, "z", "x", job="c")],
        {("topology", "c", "cycle", "open")}),
    "a cycle of the first day": (
        [moves(1, "x", "y", job="a"), moves(2, "y", "x", job="b")],
        set()),
    "what a job reads and writes itself is no cycle": (
        [moves(1, "y", "y"), moves(2000, "y", "y"), moves(2001, "y", "y")],
        set()),
    "a cycle whose link is gone": (
        [moves(1, "x", "y", job="a"), moves(2000, "y", "x", job="b"), moves(2001, "w", "x", job="b"), moves(2002, "w", "x", job="b")],
        {("topology", "b", "cycle", "resolved"), ("topology", "b", None, "open")}),
    "a facet stops coming": (
        [lineage(1), lineage(2), lineage(3), writes(4, "id:int"), writes(5, "id:int")],
        {("behaviour", "job", "facets", "open")}),
    "one run without the facet": (
        [lineage(1), lineage(2), lineage(3), writes(4, "id:int")],
        set()),
    "a facet that came twice only": (
        [lineage(1), lineage(2), writes(3, "id:int"), writes(4, "id:int")],
        set()),
    "a facet that comes by turns": (
        [lineage(1), lineage(2), writes(3, "id:int"), lineage(4), writes(5, "id:int"), writes(6, "id:int")],
        set()),
    "the facet comes again": (
        [lineage(1), lineage(2), lineage(3), writes(4, "id:int"), writes(5, "id:int"), lineage(6)],
        set()),
    "the facet of a job stops coming": (
        [codes(1, "select 1"), codes(2, "select 1"), codes(3, "select 1"), at(4), at(5)],
        {("behaviour", "job", "facets", "open")}),
    "a facet that only the start of a run names": (
        [*starts(1, "select 1"), *starts(3, "select 1"), *starts(5, "select 1"), *starts(7, "select 1")],
        set()),
    "a facet that only the start of a run names stops coming": (
        [*starts(1, "select 1"), *starts(3, "select 1"), *starts(5, "select 1"), *starts(7), *starts(9)],
        {("behaviour", "job", "facets", "open")}),
    "runs without outputs say nothing of facets of outputs": (
        [lineage(1), lineage(2), lineage(3), at(4), at(5)],
        set()),
    "a retry": (
        [at(1, parent="day1"), at(2, parent="day2", run="a", state="FAIL"), at(3, parent="day2", run="b")],
        {("behaviour", "job", None, "resolved"), ("behaviour", "job", "attempts", "open")}),
    "a retry, and then none": (
        [at(1, parent="day1"), at(2, parent="day2", run="a", state="FAIL"), at(3, parent="day2", run="b"), at(4, parent="day3")],
        {("behaviour", "job", None, "resolved"), ("behaviour", "job", "attempts", "resolved")}),
    "the first run ever needed a retry": (
        [at(2, parent="day2", run="a", state="FAIL"), at(3, parent="day2", run="b")],
        set()),
    "a second writer": (
        [writes(1, "id:int"), writes(2, "id:int", job="other")],
        {("topology", "t", None, "open")}),
    "two jobs of one parent are one writer": (
        [writes(1, "id:int", parent="p"), writes(2, "id:int", job="other", parent="p")],
        set()),
    "a new reader, a week later": (
        [reads(1, "t", job="first"), reads(10080, "t", job="second")],
        {("topology", "t", None, "open")}),
    "readers of the first day": (
        [reads(1, "t", job="first"), reads(60, "t", job="second")],
        set()),
    "two producers of other opinions": (
        [writes(1, "id:int", "a:text"),
         at(2, outputs=[dataset("t", {"schema": {**fields("id:text", "a:text")["schema"], "_producer": OTHER}})])],
        {("consistency", "t", "id", "open")}),
}
