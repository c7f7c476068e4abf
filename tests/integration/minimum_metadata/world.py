"""A small world of events, each fact of minimum metadata told or not told somewhere in it, and what must be shown of it,
by hand. Names are of one namespace each, so that many orders of it live side by side."""

import datetime
import json
import uuid

PRODUCER = "https://example.org/tool/1.0"
PERSON = "https://example.org/people"
THIS_WEEK = datetime.date.today() - datetime.timedelta(days=datetime.date.today().weekday())
WEEKS_AGO = 5


def run_id(space, name):
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{space}/{name}"))


def facet(producer=PRODUCER, **members):
    return {"_producer": producer, "_schemaURL": "https://example.org/facet.json", **members}


def tags(*pairs, producer=PRODUCER):
    return facet(producer, tags=[dict(zip(("key", "value", "field"), pair)) for pair in pairs])


def owner(name, producer=PERSON):
    return facet(producer, owners=[{"name": name}])


def monday(week):
    """Of the week with this number, from 0 on; the last one is this week."""
    return THIS_WEEK - datetime.timedelta(weeks=WEEKS_AGO - week)


def event(minute, producer=PRODUCER, week=0, **members):
    return {"eventTime": f"{monday(week)}T08:{minute:02}:00Z", "producer": producer,
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json", **members}


def run_event(space, minute, state, job, run, run_facets=None, job_facets=None, parent=None, inputs=(), outputs=()):
    facets = dict(run_facets or {})
    if parent:
        facets["parent"] = facet(run={"runId": run_id(space, parent)}, job={"namespace": f"jobs {space}", "name": parent})
    return event(minute, eventType=state, run={"runId": run_id(space, run), "facets": facets},
                 job={"namespace": f"jobs {space}", "name": job, "facets": job_facets or {}},
                 inputs=list(inputs), outputs=list(outputs))


def dataset(space, name, namespace=None, **members):
    return {"namespace": namespace or f"data {space}", "name": name, **members}


def dataset_event(space, minute, name, facets, namespace=None, week=0):
    return event(minute, PERSON, week, dataset=dataset(space, name, namespace, facets=facets))


def job_event(space, minute, name, facets, **members):
    return event(minute, PERSON, job={"namespace": f"jobs {space}", "name": name, "facets": facets}, **members)


FIELDS = facet(fields=[{"name": "id", "type": "int"}, {"name": "mail", "type": "text"}])
OF_LOAD = {"jobType": facet(processingType="BATCH", integration="TOOL", jobType="JOB"),
           "sourceCodeLocation": facet(type="git", url="https://git.example.org/load", version="abc123")}
ENGINE = {"processing_engine": facet(name="tool", version="3.1")}


def load(space):
    """A run that tells what it does, and people who tell the rest: owner, licence, classification, version."""
    raw = dataset(space, "raw", facets={"schema": FIELDS})
    columns = facet(fields={"id": {"inputFields": [{**dataset(space, "raw"), "field": "id"}]}})
    return [
        run_event(space, 0, "START", "load", "load", ENGINE, OF_LOAD, inputs=[raw], outputs=[dataset(space, "clean")]),
        run_event(space, 1, "COMPLETE", "load", "load", ENGINE, OF_LOAD, inputs=[raw], outputs=[dataset(
            space, "clean", facets={"schema": FIELDS, "columnLineage": columns},
            outputFacets={"outputStatistics": facet(rowCount=3)})]),
        job_event(space, 2, "load", {"ownership": owner("team-load")}),
        dataset_event(space, 3, "clean", {"ownership": owner("team-clean"),
                                          "tags": tags(("License", " Apache-2.0 "), ("pii", "true", "mail"), producer=PERSON),
                                          "version": facet(PERSON, datasetVersion="7")}),
    ]


def declared(space):
    """Nobody's run: a file that a vendor brings, and a job that reads and writes nothing, with a run that says nothing."""
    dag = facet(dagRun={"run_type": "scheduled", "conf": {"x": 1}})
    of_dag = {"jobType": facet(processingType="BATCH", integration="AIRFLOW", jobType="DAG"), "ownership": owner("team-dag", PRODUCER)}
    return [
        dataset_event(space, 4, "feed.csv", {"ownership": owner("buyer"), "tags": tags(
            ("external_source", "ACME"), ("last_updated", "2026-01-04"), ("licence", "bought"), producer=PERSON)}, f"s3://{space}"),
        job_event(space, 5, "ping", {"ownership": owner("team-ping"),
                                     "tags": tags(("lineage", "none"), ("sla", "1h"), producer=PERSON)}),
        run_event(space, 6, "START", "dag", "dag", {"airflowDagRun": dag, **ENGINE}, of_dag),
        run_event(space, 7, "COMPLETE", "ping", "ping", parent="dag"),
        run_event(space, 8, "COMPLETE", "dag", "dag", {"airflowDagRun": dag, **ENGINE}, of_dag),
    ]


def taken_back(space):
    """An owner who left, an owner and a licence that others told too, an owner named by an empty list first."""
    gone = {**owner("leaver"), "_deleted": True}
    return [
        dataset_event(space, 10, "orphan", {"ownership": owner("leaver")}),
        dataset_event(space, 11, "orphan", {"ownership": gone}),
        dataset_event(space, 12, "kept", {"ownership": owner("leaver"), "tags": tags(("licence", "MIT"), producer=PERSON)}),
        dataset_event(space, 13, "kept", {"ownership": owner("stayer", PRODUCER), "tags": tags(("licence", "MIT"))}),
        dataset_event(space, 14, "kept", {"ownership": gone, "tags": tags(("other", "x"), producer=PERSON)}),
        dataset_event(space, 15, "found", {"ownership": facet(PERSON, owners=[])}),
        dataset_event(space, 16, "found", {"ownership": owner("finder")}),
    ]


def fallen(space):
    """Two datasets that had all that the gate asks for, until their owner left; in one he came back."""
    passes = {"ownership": owner("leaver"), "schema": FIELDS, "version": facet(PERSON, datasetVersion="1"),
              "tags": tags(("external_source", "ACME"), ("last_updated", "now"), producer=PERSON)}
    gone = {"ownership": {**owner("leaver"), "_deleted": True}}
    return [dataset_event(space, 17, name, passes) for name in ("fallen", "back")] + [
        dataset_event(space, 18, name, gone) for name in ("fallen", "back")] + [dataset_event(space, 19, "back", passes)]


def rest(space):
    """A run that fails without a word, one that says nothing at all, and another name of a dataset."""
    user = {"spark_applicationDetails": facet(userName="ada")}
    other = facet(PERSON, identifiers=[{**dataset(space, "clean"), "type": "TABLE"}])
    return [
        run_event(space, 20, "START", "broken", "broken", user),
        run_event(space, 21, "FAIL", "broken", "broken", user),
        run_event(space, 22, "COMPLETE", "bare", "bare", outputs=[dataset(space, "bare")]),
        dataset_event(space, 23, "clean.parquet", {"symlinks": other}),
    ]


def events(space):
    return [json.dumps(each).encode() for each in load(space) + declared(space) + taken_back(space) + fallen(space) + rest(space)]


def growing():
    """Of one dataset an owner, and two weeks later all that the gate asks for; and what its owner's rows say of each week."""
    owned = {"ownership": owner("grower")}
    rest = {"version": facet(PERSON, datasetVersion="1"), "schema": FIELDS,
            "tags": tags(("external_source", "ACME"), ("last_updated", "now"), producer=PERSON)}
    weeks = [(monday(week), "dataset", 1, 0, 0.222) for week in (0, 1)] + [  # 4 of 18, 12 of 19
        (monday(week), "dataset", 1, 1, 0.632) for week in range(2, WEEKS_AGO + 1)]
    return [json.dumps(dataset_event("growing", 0, "grows", rest, week=2)).encode(),
            json.dumps(dataset_event("growing", 0, "grows", owned)).encode()], weeks


def row(kind, name, scores, missing, inferred="", version=None, owner=None, namespace=None):
    """scores: all, lineage, auditability, accountability, reproducibility. missing: an asterisk marks what the gate asks for."""
    fields = missing.split()
    mandatory = [field[1:] for field in fields if field[0] == "*"]
    return (kind, namespace, name, version, *(float(score) for score in scores.split()), not mandatory,
            [field.lstrip("*") for field in fields], mandatory, inferred.split(), owner)


def expected(space):
    """Weights: a dataset name 2, version 2, uri 1 | source 2, column_lineage 1 (with a schema) | owner 2, classification 1,
    licence 1 | schema 2, size 1, digest 1 | last_updated 2, quality 1; a job name 2, type 1 | lineage 2 | owner 2,
    schedule_owner 1 | code 2, description 1 | sla 1; a run run_id 2, parent 2 (as a part) | lineage 2 | actor 2 | engine 2,
    times 2, image_digest 1, parameters 1, environment 1 | final_state 2, error_message 1 (of a failure)."""
    rows = [
        # 16 of 19: name, version, source, columns, owner, classification, licence, schema, size, last_updated
        row("dataset", "clean", "0.842 1 0.75 1 0.75", "uri digest quality", version="7", owner="team-clean"),
        # 3 of 19: name, and half a schema, as only a reader saw it
        row("dataset", "raw", "0.158 0 0.25 0 0.25", "*version uri *source column_lineage *owner classification licence size digest"
            " *last_updated quality", "schema"),
        # 9.5 of 18: name, half a uri, source, owner, licence, last_updated
        row("dataset", "feed.csv", "0.528 1 0.563 0.75 0", "*version classification *schema size digest quality", "uri",
            owner="buyer", namespace=f"s3://{space}"),
        # 2, 5 and 4 of 18
        row("dataset", "orphan", "0.111 0 0.25 0 0", "*version uri *source *owner classification licence *schema size digest"
            " *last_updated quality"),
        row("dataset", "kept", "0.278 0 0.25 0.75 0", "*version uri *source classification *schema size digest *last_updated"
            " quality", owner="stayer"),
        row("dataset", "found", "0.222 0 0.25 0.5 0", "*version uri *source classification licence *schema size digest"
            " *last_updated quality", owner="finder"),
        # 10 and 12 of 19: name, version, source, schema, last_updated; and owner
        row("dataset", "fallen", "0.526 0.667 0.75 0 0.5", "uri column_lineage *owner classification licence size digest quality",
            version="1"),
        row("dataset", "back", "0.632 0.667 0.75 0.5 0.5", "uri column_lineage classification licence size digest quality",
            version="1", owner="leaver"),
        # 6 of 18: name, source, last_updated
        row("dataset", "bare", "0.333 1 0.5 0 0", "*version uri *owner classification licence *schema size digest quality"),
        # 9 of 19: name, and half of what is known of clean
        row("dataset", "clean.parquet", "0.474 0.5 0.5 0.5 0.375", "uri digest quality", "version source column_lineage owner"
            " classification licence schema size last_updated"),
        # 9, 7, 5, 2 and 4 of 12
        row("job", "load", "0.75 1 0.75 0.667 0.667", "schedule_owner description sla", version="abc123", owner="team-load"),
        row("job", "ping", "0.583 1 0.75 0.667 0", "type schedule_owner *code description", owner="team-ping"),
        row("job", "dag", "0.417 0 0.75 0.667 0", "*lineage schedule_owner *code description sla", owner="team-dag"),
        row("job", "broken", "0.167 0 0.5 0 0", "type *lineage *owner schedule_owner *code description sla"),
        row("job", "bare", "0.333 1 0.5 0 0", "type *owner schedule_owner *code description sla"),
        # 10 of 15: all but an actor and what is recommended
        row("run", "load", "0.667 1 1 0 0.571", "*actor image_digest parameters environment", owner="team-load"),
        # 9 of 17: lineage none by its job, the actor is that of its parent
        row("run", "ping", "0.529 1 1 0.5 0", "*engine *times image_digest parameters environment", "actor", owner="team-ping"),
        # 11 of 15
        row("run", "dag", "0.733 0 1 1 0.714", "*lineage image_digest environment", owner="team-dag"),
        # 8 of 16
        row("run", "broken", "0.5 0 0.8 1 0.286", "*lineage *engine image_digest parameters environment error_message"),
        # 4 of 15
        row("run", "bare", "0.267 0 1 0 0", "*lineage *actor *engine *times image_digest parameters environment"),
    ]
    return {shown(space, each) for each in rows}


def shown(space, each):
    kind, namespace, name, version, *others = each
    namespace = namespace or (f"data {space}" if kind == "dataset" else f"jobs {space}")
    version = run_id(space, name) if kind == "run" else version
    return (kind, namespace, name, version, *[tuple(other) if isinstance(other, list) else other for other in others])
