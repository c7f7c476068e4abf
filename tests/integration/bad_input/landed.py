"""Odd events that are normal life, each with a question to the analysts' views and its answer, written
from the event. Every case has a namespace of its own, N in texts and questions."""

import json

STATE = "select state, started_at::text, ended_at::text, duration_ms from metaops.runs where job_namespace = N"
EDGES = "select direction, dataset_name from metaops.edges where job_namespace = N order by 1, 2"
NAMES = "select name from metaops.jobs where namespace = N"


def run_id(namespace, run):
    """Each namespace has run ids of its own."""
    return f"0190a0a0-0000-7000-{0x8000 + int('0' + ''.join(filter(str.isdigit, namespace))):04x}-{run:012x}"


def event(namespace, kind=None, at="10:00:00", run=1, job="j", inputs=(), outputs=(), facets=None, **more):
    """A run event; inputs and outputs are names."""
    made = {"eventTime": at if "-" in at else f"2026-03-01T{at}Z"}
    if kind:
        made["eventType"] = kind
    made["run"] = {"runId": run_id(namespace, run) if isinstance(run, int) else run, "facets": facets or {}}
    made["job"] = {"namespace": namespace, "name": job}
    made["inputs"] = [{"namespace": namespace, "name": name} for name in inputs]
    made["outputs"] = [{"namespace": namespace, "name": name} for name in outputs]
    return {**made, **more}


def day(time):
    return f"2026-03-01 {time}+00"


def parent(namespace, run, job):
    return {"parent": {"run": {"runId": run_id(namespace, run)}, "job": {"namespace": namespace, "name": job}}}


def cases():
    """name, namespace, events (objects, or bytes as they are), question, answer"""
    ns = (f"bad-input-{number}" for number in range(1000))

    n = next(ns)
    yield "START after COMPLETE", n, [
        event(n, "COMPLETE", "10:10:00"),
        event(n, "START", "10:00:00"),
    ], STATE, [("COMPLETED", day("10:00:00"), day("10:10:00"), 600000)]

    n = next(ns)
    yield "FAIL, then COMPLETE", n, [
        event(n, "START", "10:00:00"),
        event(n, "FAIL", "10:01:00"),
        event(n, "COMPLETE", "10:02:00"),
    ], STATE, [("FAILED", day("10:00:00"), day("10:02:00"), 120000)]

    n = next(ns)
    yield "COMPLETE, then FAIL", n, [
        event(n, "COMPLETE", "10:01:00"),
        event(n, "FAIL", "10:02:00"),
    ], STATE, [("FAILED", day("10:01:00"), day("10:02:00"), 60000)]

    n = next(ns)
    yield "COMPLETE without START", n, [event(n, "COMPLETE")], STATE, [
        ("COMPLETED", day("10:00:00"), day("10:00:00"), 0)
    ]

    n = next(ns)
    yield "COMPLETE that lies before START", n, [
        event(n, "START", "10:00:00"),
        event(n, "COMPLETE", "09:00:00"),
    ], STATE, [("COMPLETED", day("10:00:00"), day("09:00:00"), None)]

    n = next(ns)
    yield "no eventType", n, [event(n)], STATE, [("NEW", day("10:00:00"), None, None)]

    n = next(ns)
    yield "an eventType that nobody knows", n, [event(n, "BOGUS")], (
        "select r.state, e.event_type from metaops.runs r join metaops.events e using (run_id) where r.job_namespace = N"
    ), [("NEW", "BOGUS")]

    n = next(ns)
    yield "inputs on START, outputs on COMPLETE", n, [
        event(n, "START", inputs=["in"]),
        event(n, "COMPLETE", "10:10:00", outputs=["out"]),
    ], EDGES, [("input", "in"), ("output", "out")]

    n = next(ns)
    yield "the next run without datasets takes no edges away", n, [
        event(n, "COMPLETE", inputs=["in"], outputs=["out"]),
        event(n, "START", "11:00:00", run=2),
        event(n, "FAIL", "11:01:00", run=2),
    ], EDGES, [("input", "in"), ("output", "out")]

    n = next(ns)
    yield "two runs with other datasets", n, [
        event(n, "COMPLETE", inputs=["a"], run=3),
        event(n, "COMPLETE", "11:00:00", inputs=["b"], run=4),
    ], EDGES, [("input", "a"), ("input", "b")]

    n = next(ns)
    yield "neither inputs nor outputs named", n, [
        {"eventTime": "2026-03-01T10:00:00Z", "run": {"runId": run_id(n, 5)}, "job": {"namespace": n, "name": "j"}}
    ], STATE, [("NEW", day("10:00:00"), None, None)]

    n = next(ns)
    yield "empty objects for lists, null for facets", n, [
        {**event(n, "START"), "inputs": {}, "outputs": None, "run": {"runId": run_id(n, 6), "facets": None}}
    ], STATE, [("RUNNING", day("10:00:00"), None, None)]

    n = next(ns)
    yield "a storm of RUNNING", n, [
        event(n, "RUNNING", f"10:{number // 60:02}:{number % 60:02}", inputs=["in"]) for number in range(300)
    ], (
        "select (select count(*) from metaops.events where job_namespace = N),"
        " (select count(*) from metaops.runs where job_namespace = N and state = 'RUNNING'),"
        " (select runs from metaops.edges where job_namespace = N)"
    ), [(300, 1, 1)]

    n = next(ns)
    yield "a run that is its own parent", n, [event(n, "COMPLETE", run=7, facets=parent(n, 7, "j"))], (
        "select run_id, parent_run_id, root_run_id, state from metaops.runs where job_namespace = N"
    ), [(run_id(n, 7), run_id(n, 7), run_id(n, 7), "COMPLETED")]

    n = next(ns)
    yield "parents in a circle", n, [
        event(n, "COMPLETE", run=8, job="a", facets=parent(n, 9, "b")),
        event(n, "COMPLETE", run=9, job="b", facets=parent(n, 8, "a")),
    ], "select run_id, parent_run_id from metaops.runs where job_namespace = N order by 1", [
        (run_id(n, 8), run_id(n, 9)),
        (run_id(n, 9), run_id(n, 8)),
    ]

    n = next(ns)
    yield "datasets in a circle", n, [
        event(n, "COMPLETE", job="a", inputs=["x"], outputs=["y"], run=10),
        event(n, "COMPLETE", job="b", inputs=["y"], outputs=["x"], run=11),
    ], "select depth, name from metaops.downstream(N, 'x') order by 1", [(1, "y")]

    n = next(ns)
    yield "run ids in other clothes are one run", n, [
        event(n, "START", run="0190a0a0-0000-7000-8000-0000000000fa"),
        event(n, "RUNNING", run="{0190A0A0-0000-7000-8000-0000000000FA}"),
        event(n, "RUNNING", "10:01:00", run="urn:uuid:0190a0a0-0000-7000-8000-0000000000fa"),
        event(n, "COMPLETE", "10:02:00", run="0190a0a0000070008000 0000000000fa".replace(" ", "")),
    ], "select run_id, state from metaops.runs where job_namespace = N", [
        ("0190a0a0-0000-7000-8000-0000000000fa", "COMPLETED")
    ]

    n = next(ns)
    yield "a run id that is no UUID", n, [event(n, "START", run="manual__2026-03-01T10:00")], (
        "select run_id from metaops.runs where job_namespace = N"
    ), [("manual__2026-03-01T10:00",)]

    n = next(ns)
    yield "a run id whose time stamp is years off", n, [event(n, "START", run="ffffffff-ffff-7fff-8fff-ffffffffffff")], (
        "select run_id, started_at::text from metaops.runs where job_namespace = N"
    ), [("ffffffff-ffff-7fff-8fff-ffffffffffff", day("10:00:00"))]

    n = next(ns)
    yield "a run id that two jobs use keeps each job's edges", n, [
        event(n, "COMPLETE", run=12, job="first", inputs=["a"]),
        event(n, "COMPLETE", "11:00:00", run=12, job="second", inputs=["b"]),
    ], "select job_name, dataset_name from metaops.edges where job_namespace = N order by 1", [
        ("first", "a"),
        ("second", "b"),
    ]

    for at, shown in (
        ("0001-01-01T00:00:00Z", "0001-01-01 00:00:00+00"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31 23:59:59.999999+00"),
        ("2026-03-01T10:00:00.123456789Z", "2026-03-01 10:00:00.123456+00"),
        ("2026-03-01T10:00:00", "2026-03-01 10:00:00+00"),
        ("2026-03-01T24:00:00Z", "2026-03-02 00:00:00+00"),
        ("2026-03-01T10:00:00+05:30", "2026-03-01 04:30:00+00"),
        ("1969-12-31T23:59:59Z", "1969-12-31 23:59:59+00"),
    ):
        n = next(ns)
        yield f"the time {at}", n, [event(n, "START", at, run=20)], (
            "select event_time::text from metaops.events where job_namespace = N"
        ), [(shown,)]
    n = next(ns)
    yield "the time 20260301T100000Z", n, [{**event(n, "START"), "eventTime": "20260301T100000Z"}], (
        "select event_time::text from metaops.events where job_namespace = N"
    ), [(day("10:00:00"),)]

    n = next(ns)
    yield "NUL and a lone surrogate in names", n, [
        json.dumps(event(n, "START", job="a\0b", inputs=["\ud800x"])).encode()
    ], "select job_name, dataset_name from metaops.edges where job_namespace = N", [("a\ufffdb", "\ufffdx")]

    n = next(ns)
    yield "NUL in a producer and in a facet", n, [
        event(n, "START", facets={"odd": {"_producer": "p", "text": "a\0b"}}, producer="x\0y")
    ], "select producer from metaops.events where job_namespace = N", [("x\ufffdy",)]

    n = next(ns)
    yield "bare NaN and Infinity", n, [
        json.dumps(event(n, "START", facets={"odd": {"_producer": "p", "a": float("nan"), "b": -float("inf")}})).encode()
    ], STATE, [("RUNNING", day("10:00:00"), None, None)]

    n = next(ns)
    long = "".join(chr(0x4E00 + number * 7919 % 20000) for number in range(23000))
    yield "names longer than an index allows", n, [
        event(n, "START", job=long, inputs=[long + "a", long + "b"])
    ], "select job_name, dataset_name from metaops.edges where job_namespace = N order by 2", [
        (long, long + "a"),
        (long, long + "b"),
    ]

    n = next(ns)
    field = "f" * 5000
    columns = {"schema": {"_producer": "p", "fields": [{"name": field, "type": "t" * 5000}]}}
    yield "a long field name and type", n, [
        {**event(n, "COMPLETE"), "outputs": [{"namespace": n, "name": "d", "facets": columns}]}
    ], "select field, type from metaops.dataset_fields where namespace = N", [(field, "t" * 5000)]

    n = next(ns)
    yield "a known facet of the wrong type", n, [
        {**event(n, "START"), "inputs": [{"namespace": n, "name": "d", "facets": {
            "schema": {"_producer": "p", "fields": "none"}, "columnLineage": 5, "symlinks": [],
            "ownership": {"owners": {}}, "documentation": {"description": 5}}}]}
    ], EDGES, [("input", "d")]

    n = next(ns)
    yield "what nobody knows is kept", n, [
        event(n, "START", facets={"acme_thing": {"_producer": "p", "k": 1}}, odd={"top": "level"})
    ], "select count(*) from metaops.facets where facet = 'acme_thing' and content ->> 'k' = '1' and N <> ''", [(1,)]

    n = next(ns)
    yield "the last of two equal keys wins", n, [
        b'{"eventTime":"2026-03-01T10:00:00Z","job":{"namespace":"%s","name":"first","name":"last"}}' % n.encode()
    ], NAMES, [("last",)]

    n = next(ns)
    yield "100 levels of brackets", n, [
        b'{"eventTime":"2026-03-01T10:00:00Z","job":{"namespace":"%s","name":"j","facets":{"deep":%s}}}'
        % (n.encode(), b"[" * 100 + b"]" * 100)
    ], NAMES, [("j",)]

    n = next(ns)
    plan = {"spark.logicalPlan": {"_producer": "p", "plan": [{"class": f"org.Node{i}", "n": i} for i in range(300000)]}}
    yield "a Spark plan of 10 MB", n, [event(n, "COMPLETE", facets=plan, outputs=["out"])], EDGES, [("output", "out")]

    n = next(ns)
    same = event(n, "COMPLETE", inputs=["a"])
    yield "the same event three times", n, [same, same, same], (
        "select count(*) from metaops.events where job_namespace = N"
    ), [(1,)]

    n = next(ns)
    yield "a job event", n, [
        {"eventTime": "2026-03-01T10:00:00Z", "job": {"namespace": n, "name": "j"}, "outputs": [{"namespace": n, "name": "d"}]}
    ], EDGES, [("output", "d")]

    n = next(ns)
    yield "a dataset event", n, [
        {"eventTime": "2026-03-01T10:00:00Z", "dataset": {"namespace": n, "name": "d"}}
    ], "select name, confirmed from metaops.datasets where namespace = N", [("d", True)]

    for blank in ("a b", "a_b", "a\u00e9b", "a\u4e2db", "A B"):
        n = next(ns)
        yield f"a namespace with {blank!r}", f"{n} {blank}", [event(f"{n} {blank}", "START")], NAMES, [("j",)]
