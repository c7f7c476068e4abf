"""Events of two worlds that touch: everything of the hidden one has MARK in its name. By hand:

    vis a --J1--> vis b --J2--> vis c --(hidden H1)--> vis d          J2 also reads and writes hidden tables
    vis d --J3--> vis e                                               hidden x --(hidden H2)--> hidden y
"""

import json

MARK = "zzsecret"
VIS, DATA = "vis-jobs", "vis://db"
HID, HDATA = f"{MARK}-jobs", f"{MARK}://db"
BASE = {"_producer": "https://example.com/p", "_schemaURL": "https://example.com/f.json"}
HBASE = {"_producer": f"https://{MARK}.example.com/p", "_schemaURL": f"https://{MARK}.example.com/f.json"}


def data(name, namespace=DATA, facets=None, **more):
    return {"namespace": namespace, "name": name, "facets": facets or {}, **more}


def schema(*fields, base=BASE):
    return {"schema": {**base, "fields": [{"name": field, "type": "int"} for field in fields]}}


def columns(**fields):
    return {"columnLineage": {**BASE, "fields": {
        out: {"inputFields": [{"namespace": ns, "name": name, "field": field, "transformations": []}
                              for ns, name, field in inputs]} for out, inputs in fields.items()}}}


def run(number, namespace, job, inputs=(), outputs=(), run_facets=None, job_facets=None, run_id=None, base=BASE, kind="COMPLETE"):
    return json.dumps({
        "eventTime": f"2026-03-01T10:00:{number:02}Z", "eventType": kind, "producer": base["_producer"],
        "run": {"runId": run_id or f"0190a0a0-0000-7000-8000-{number:012x}", "facets": run_facets or {}},
        "job": {"namespace": namespace, "name": job, "facets": job_facets or {}},
        "inputs": list(inputs), "outputs": list(outputs)}).encode()


def owner(name, base=BASE):
    return {"ownership": {**base, "owners": [{"name": name}]}}


def events():
    symlink = {"symlinks": {**BASE, "identifiers": [{"namespace": f"{MARK}://lake", "name": f"{MARK}-alias", "type": "TABLE"}]}}
    parent = {"parent": {**BASE, "run": {"runId": f"{MARK}-run"}, "job": {"namespace": HID, "name": f"{MARK}-dag"}}}
    hidden_facets = {f"{MARK}_facet": {**HBASE, "note": f"{MARK} note"}, **owner(f"{MARK}-owner", HBASE)}
    return [
        run(1, VIS, "J1", [data("a", facets={**schema("x"), **owner("shared")})],
            [data("b", facets={**schema("x"), **columns(x=[(DATA, "a", "x")]), **symlink})],
            job_facets=owner("team vis")),
        # The same job with a hidden parent: another event, the same statement.
        run(2, VIS, "J1", [data("a", facets={**schema("x"), **owner("shared")})],
            [data("b", facets={**schema("x"), **columns(x=[(DATA, "a", "x")]), **symlink})],
            run_facets=parent, job_facets=owner("team vis")),
        run(3, VIS, "J2", [data("b"), data(f"{MARK}-in", HDATA, facets={**schema(f"{MARK}_f", base=HBASE), **owner(f"{MARK}-o")},
                                           inputFacets={"x": {**HBASE, "note": MARK}})],
            [data("c", facets={**schema("x", "y"), **columns(x=[(DATA, "b", "x")], y=[(HDATA, f"{MARK}-in", f"{MARK}_f")])}),
             data(f"{MARK}-out", HDATA, facets=hidden_facets)]),
        run(4, HID, f"{MARK}-H1", [data("c")], [data("d", facets={**schema(f"{MARK}_field", base=HBASE), **owner(f"{MARK}-d", HBASE),
                                                                  **columns(z=[(DATA, "c", "x")])})],
            run_facets={"errorMessage": {**HBASE, "message": f"{MARK} failed", "programmingLanguage": "x"}},
            job_facets={"sql": {**HBASE, "query": f"select {MARK}"}, **owner("shared")}, base=HBASE),
        run(5, HID, f"{MARK}-H2", [data(f"{MARK}-x", HDATA, facets=hidden_facets)], [data(f"{MARK}-y", HDATA)],
            run_id=f"{MARK}-run-5", base=HBASE),
        run(6, VIS, "J3", [data("d")], [data("e", facets={**schema("x"), **columns(x=[(DATA, "d", "z")])})],
            job_facets={"sql": {**BASE, "query": "select x from d"}}),
        json.dumps({"eventTime": "2026-03-01T11:00:00Z", "producer": BASE["_producer"], "dataset": data(
            "described", facets={**schema("k"), "documentation": {**BASE, "description": "seen"}})}).encode(),
        json.dumps({"eventTime": "2026-03-01T11:00:00Z", "producer": HBASE["_producer"], "dataset": data(
            f"{MARK}-described", HDATA, facets={**schema(f"{MARK}_k"), **hidden_facets})}).encode(),
    ]
