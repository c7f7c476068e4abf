"""Small histories and the alerts that must be there once all of it is known, written by hand from the rules: what was
first is the baseline; every other value is one alert, open while it holds and else resolved."""

PRODUCER = "https://github.com/OpenLineage/OpenLineage/tree/1.23.0/integration/spark"
OTHER = "https://github.com/OpenLineage/OpenLineage/tree/1.23.0/integration/dbt"


def facet(**members):
    return {"_producer": PRODUCER, "_schemaURL": "https://example.org/facet.json", **members}


def fields(*names):
    """"id:int a.b:text": name and type, a field without type has none."""
    described = []
    for word in names:
        name, _, kind = word.partition(":")
        described.append({"name": name, **({"type": kind} if kind else {})})
    return {"schema": facet(fields=described)}


def dataset(name, facets=None):
    return {"name": name, "facets": facets or {}}


def at(minute, job="job", outputs=(), inputs=(), job_facets=None, run=None, state="COMPLETE", parent=None,
       producer=PRODUCER):
    return {"minute": minute, "job": job, "outputs": list(outputs), "inputs": list(inputs), "parent": parent,
            "job_facets": job_facets or {}, "run": run or f"{job}@{minute}", "state": state, "producer": producer}


def writes(minute, *names, **more):
    return at(minute, outputs=[dataset("t", fields(*names))], **more)


def owned(minute, *owners):
    return at(minute, outputs=[dataset("t", {"ownership": facet(owners=[{"name": o} for o in owners])})])


def codes(minute, query, **more):
    return at(minute, job_facets={"sql": facet(query=query)}, **more)


# Name: (events, {(kind, subject, field, status)}).
SCENARIOS = {
    "a column goes": (
        [writes(1, "id:int", "a:text"), writes(2, "id:int")],
        {("schema", "t", "a", "open")}),
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
         at(2, job="other", outputs=[dataset("t", {"schema": {**fields("id:int")["schema"], "_producer": OTHER}})]),
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
}
