"""The OpenLineage client for Python, as it comes from PyPI, writes to Kafka by its own transport: the
worker reads that topic beside ours. The keys are those the client makes. The same event by its HTTP
transport is the same row; what came by Kafka alone is there as well."""

import os

from confluent_kafka.admin import AdminClient, NewTopic
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Dataset, DatasetEvent, InputDataset, Job, JobEvent, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import parent_run

from checks import check, end
from own_pipeline import Pipeline

PRODUCER = "https://example.com/nightly"
CHILD, PARENT, ROOT = (f"0c5d1e2f-0000-4000-8000-00000000000{n}" for n in "abc")


def parent(run, name, root=None):
    return {"parent": parent_run.ParentRunFacet(
        run=parent_run.Run(runId=run), job=parent_run.Job(namespace="air", name=name), root=root)}


def events():
    """-> [(key as the client is documented to make it, event)]"""
    root = parent_run.Root(run=parent_run.RootRun(runId=ROOT), job=parent_run.RootJob(namespace="air", name="dag"))
    load, stage = Job(namespace="spark", name="load"), Job(namespace="spark", name="stage")
    written = [OutputDataset(namespace="pg", name="mart")]
    read = [InputDataset(namespace="pg", name="raw")]

    def run(state, minute, job, run_id, facets):
        return RunEvent(eventType=state, eventTime=f"2026-03-01T10:0{minute}:00.000000+00:00", job=job,
                        run=Run(runId=run_id, facets=facets), producer=PRODUCER, inputs=read, outputs=written)

    return [
        ("run:air/dag", run(RunState.START, 0, load, CHILD, parent(PARENT, "dag.task", root))),
        ("run:air/dag", run(RunState.COMPLETE, 5, load, CHILD, parent(PARENT, "dag.task", root))),
        ("run:air/dag.task", run(RunState.COMPLETE, 6, stage, PARENT, parent(ROOT, "dag.task"))),
        ("run:spark/stage", run(RunState.FAIL, 7, stage, ROOT, {})),
        ("job:spark/load", JobEvent(eventTime="2026-03-01T10:08:00.000000+00:00", job=load, producer=PRODUCER)),
        ("dataset:pg/raw", DatasetEvent(eventTime="2026-03-01T10:09:00.000000+00:00", producer=PRODUCER,
                                        dataset=Dataset(namespace="pg", name="raw"))),
    ]


def emit(transport, some):
    client = OpenLineageClient(config={"transport": transport})
    for event in some:
        client.emit(event)
    client.close()


def main():
    brokers = os.environ["METAOPS_KAFKA"]
    with Pipeline("transport", 3) as pipe:
        topic = f"{pipe.name}.openlineage"
        admin = AdminClient({"bootstrap.servers": brokers})
        for done in admin.create_topics([NewTopic(topic, 2, 1)]).values():
            done.result(20)
        pipe.environment["METAOPS_INGEST_OPENLINEAGE_TOPICS"] = topic
        gateway = pipe.gateway()
        pipe.worker()
        pipe.wait_ready()
        keyed = events()
        kafka = {"type": "kafka", "topic": topic, "config": {"bootstrap.servers": brokers}, "flush": True}
        emit({"type": "http", "url": gateway.url}, [event for _, event in keyed[:2]])
        emit(kafka, [event for _, event in keyed])
        emit(kafka | {"messageKey": "our own"}, [keyed[3][1]])
        records = pipe.records(topic)
        check("keys are those of the client", sorted([key for key, _ in keyed] + ["our own"]),
              sorted(key.decode() for _, _, key, _ in records))
        pipe.wait_stored()
        pipe.wait_stored(topic=topic)
        check("each event is one row, from where it came first", [("http", 2), ("kafka", 4)], pipe.query(
            "select source, count(*) from metaops.events group by 1 order by 1"))
        check("no dead letters", [], pipe.query("select reason from metaops.dead_letters"))
        check("the tree of runs", [(PARENT, CHILD, "COMPLETED"), (ROOT, PARENT, "COMPLETED"), (None, ROOT, "FAILED")],
              pipe.query("select parent_run_id, run_id, state from metaops.runs order by run_id"))
        check("the edges", [("input", "raw"), ("output", "mart")], pipe.query(
            "select direction, dataset_name from metaops.edges where job_name = 'load' order by 1"))
        places = pipe.query("select topic, count(*) from metaops.events group by 1 order by 1")
        check("places are those of the topics", [(pipe.topic, 2), (topic, 4)], places)
    end()


main()
