"""`metaops maintain`: what is older than the retention goes, nothing else: the graph stays row for row, ids stay so
that old events are still duplicates, younger bodies stay whole, and workers that write meanwhile lose nothing.
--dry-run says the same and changes nothing; two runs at once do no harm; other roles may not."""

import datetime
import hashlib
import json
import os
import subprocess
import threading

from checks import check, end
from confluent_kafka.admin import AdminClient, ConfigResource
from own_pipeline import PROGRAM, Pipeline, role_dsn, test_events

GRAPH = ["namespaces", "datasets", "dataset_symlinks", "dataset_fields", "dataset_versions", "jobs", "job_versions",
         "runs", "run_inputs", "run_outputs", "edges", "column_lineage"]
RETENTION = {"METAOPS_POSTGRES_RETENTION_DAYS": "30"}


def made(number, months_ago, job="old"):
    """An event of the middle of a month in the past."""
    first = datetime.date.today().replace(day=15)
    month = first.month - 1 - months_ago
    when = first.replace(year=first.year + month // 12, month=month % 12 + 1)
    return json.dumps({
        "eventTime": f"{when}T10:00:00.{number:06}Z", "eventType": "COMPLETE",
        "run": {"runId": f"0190a0a0-0000-7000-8000-{number:012x}"},
        "job": {"namespace": "maintain", "name": f"{job}-{number % 5}"},
        "outputs": [{"namespace": "maintain", "name": f"{job}-out-{number % 5}", "outputFacets": {"outputStatistics": {
            "_producer": "p", "_schemaURL": "s", "rowCount": number}}}],
    }).encode()


def graph(pipe):
    rows = {view: pipe.value(f"select md5(string_agg(r::text, e'\\n' order by r::text)) from metaops.{view} r")
            for view in GRAPH}
    rows["facets"] = pipe.value(
        "select md5(string_agg(f::text, e'\\n' order by f::text)) from metaops.facets f"
        " where place = 'facets' and subject_kind <> 'run'")
    return rows


def run(pipe, *words, dsn=None, **settings):
    done = subprocess.run(
        [PROGRAM, "maintain", *words], capture_output=True, timeout=120,
        env={**pipe.environment, **settings, "METAOPS_POSTGRES_CONNINFO": dsn or pipe.dsn},
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def counts(pipe):
    return pipe.query("select (select count(*) from graph.events), (select count(*) from graph.event_ids),"
                      " (select count(*) from graph.dead_letters), (select count(*) from graph.body_bases)")[0]


def partitions(pipe):
    return {name for (name,) in pipe.query(
        "select relname from pg_inherits join pg_class on oid = inhrelid where inhparent = 'graph.events'::regclass")}


def broken_bodies(pipe):
    rows = pipe.query("select event_id, metaops.event_body(event_id) from metaops.events")
    return [number for number, body in rows if body and hashlib.sha256(body.encode()).digest()[:16] != number.bytes]


def retention(pipe, days):
    admin = AdminClient({"bootstrap.servers": os.environ["METAOPS_KAFKA"]})
    resource = ConfigResource(ConfigResource.Type.TOPIC, pipe.topic)
    current = {name: entry.value for name, entry in admin.describe_configs([resource])[resource].result().items()
               if entry.source == 1}
    changed = ConfigResource(ConfigResource.Type.TOPIC, pipe.topic,
                             set_config={**current, "retention.ms": str(days * 86400000)})
    admin.alter_configs([changed])[changed].result()


def main():
    old = [made(number, 3 + number % 4) for number in range(1, 400)]
    mixed = [made(number, 3, "mixed") for number in range(400, 450)]
    with Pipeline("maintain", 2) as pipe:
        worker = pipe.worker()
        pipe.emit(old + mixed + test_events())
        pipe.produce(pipe.topic, [(0, None, b"\x00 an old letter")])
        pipe.wait_stored()
        # All but one month's "mixed" events and the real ones were received long ago.
        aged = "event_id in (select event_id from metaops.events where job_name like 'old-%')"
        pipe.query(f"update graph.event_ids set received_at = received_at - interval '100 days'"
                   f" where event_id in (select event_id from graph.events where {aged})")
        pipe.query(f"update graph.events set received_at = received_at - interval '100 days' where {aged}")
        pipe.query("update graph.dead_letters set failed_at = failed_at - interval '100 days'")
        before, count, whole = graph(pipe), counts(pipe), partitions(pipe)

        code, said, _ = run(pipe, "--dry-run", **RETENTION)
        check("dry run: says what it would do", (0, True, True), (
            code, "to be dropped" in said, "rows of events_" in said))
        check("dry run: changes nothing", (before, count, whole), (graph(pipe), counts(pipe), partitions(pipe)))
        code, said, _ = run(pipe)
        check("without settings: nothing is deleted", (0, count), (code, counts(pipe)))
        code, _, words = run(pipe, dsn=role_dsn("writer", pipe.database), **RETENTION)
        check("the writer may not", (1, True), (code, "permission denied" in words or "must be owner" in words))
        check("and nothing happened", count, counts(pipe))

        # Under load, and two at once.
        young = [made(number, 0, "young") for number in range(1000, 3000)]
        load = threading.Thread(target=lambda: [pipe.emit(young[at:at + 100]) for at in range(0, 2000, 100)])
        load.start()
        answers = []
        both = [threading.Thread(target=lambda: answers.append(run(pipe, **RETENTION))) for _ in range(2)]
        for thread in both:
            thread.start()
        for thread in [*both, load]:
            thread.join()
        print("".join(said for _, said, _ in answers))
        check("both end well", [0, 0], [code for code, _, _ in answers])
        pipe.wait_stored()
        check("what was sent meanwhile is there", 2000, pipe.value(
            "select count(*) from metaops.events where job_name like 'young-%'"))
        dropped = whole - partitions(pipe)
        check("months whose events are all old are dropped", 3, len(dropped))
        check("old events are gone, but those that the graph leans on", True, 0 < pipe.value(
            "select count(*) from metaops.events where job_name like 'old-%'") <= 20)
        check("bodies of old events are gone", 0, pipe.value(
            "select count(metaops.event_body(event_id)) from metaops.events where job_name like 'old-%'"))
        check("younger events of the same month are whole", 50, pipe.value(
            "select count(metaops.event_body(event_id)) from metaops.events where job_name like 'mixed-%'"))
        check("every body left is what was sent", [], broken_bodies(pipe))
        check("ids outlive events", count[1] + 2000, counts(pipe)[1])
        check("dead letters are kept when nothing is set", 1, counts(pipe)[2])
        check("old bases are gone", 0, pipe.value(
            "select count(*) from graph.body_bases b join graph.event_ids i on event_id = base_id"
            " where received_at < now() - interval '35 days'"))
        # The old events are duplicates as before.
        events = counts(pipe)[0]
        pipe.emit(old)
        pipe.wait_stored()
        check("an old event that comes again is a duplicate", events, counts(pipe)[0])
        evidence = pipe.query("select json_pointer from metaops.evidence('maintain', 'old-1', 'maintain', 'old-out-1')")
        check("evidence passes over bodies that are gone", [], evidence)

        # The graph is what it was: compared without what came meanwhile.
        graph_is_the_same(pipe, before)

        code, said, _ = run(pipe, **RETENTION)
        check("again: nothing more to do", (0, False, False), (code, "dropped" in said, "rows of" in said))

        code, _, words = run(pipe, **RETENTION, METAOPS_POSTGRES_ID_RETENTION_DAYS="60")
        check("ids stay while Kafka may bring their records again", (1, True, count[1] + 2000), (
            code, "Kafka keeps records" in words, counts(pipe)[1]))
        retention(pipe, 1)
        code, _, words = run(pipe, METAOPS_POSTGRES_ID_RETENTION_DAYS="60")
        check("nor may they go before the events", (1, True), (code, "has to be more than" in words))
        code, said, _ = run(pipe, **RETENTION, METAOPS_POSTGRES_ID_RETENTION_DAYS="60",
                            METAOPS_POSTGRES_DEAD_LETTER_RETENTION_DAYS="30")
        check("ids and letters go when they may", (0, count[1] + 2000 - len(old), 0), (code, *counts(pipe)[1:3]))
        check("the worker lives", True, worker.runs())
        check("and is content", 0, worker.stop())
    end()


def graph_is_the_same(pipe, before):
    """Forgets the events that were sent meanwhile, by their statements' names, and compares."""
    young = "namespace = 'maintain' and name like 'young-%'"
    pipe.query(f"""
        delete from graph.runs where job_uuid in (select job_uuid from graph.jobs where {young});
        delete from graph.run_io_sets where io_id in (select io_id from graph.io_sets where job_uuid in (
            select job_uuid from graph.jobs where {young}));
        delete from graph.statements where job_uuid in (select job_uuid from graph.jobs where {young});
        delete from graph.edges where job_uuid in (select job_uuid from graph.jobs where {young});
        delete from graph.jobs where {young};
        delete from graph.datasets where {young}""")
    after = graph(pipe)
    for view in before:
        check(f"the graph stays: {view}", before[view], after[view])


main()
