"""`metaops rebuild`: a graph that is right stays as it is, one that is damaged in every table becomes again what it
was, whatever is not derived from bodies stays; workers and readers go on meanwhile and lose nothing; what cannot be
derived any more stops it, or is kept; other roles may not.

METAOPS_SEED (default 1) chooses what is damaged."""

import json
import os
import random
import subprocess
import threading
import time

import psycopg
from checks import check, end
from own_pipeline import PROGRAM, Pipeline, role_dsn, test_events, wait_until
from small_world import events

SEED = int(os.environ.get("METAOPS_SEED", "1"))
UNTOUCHED = ["event_ids", "offsets", "dead_letters", "key_changes", "refusals", "emitters", "emitter_chunks",
             "emitter_gaps", "body_bases"]

# A change of each table that the graph is derived into.
DAMAGE = {
    "facet_origins": """origin = '{"_producer": "nobody"}'""",
    "facets": "deleted = not deleted",
    "jobs": "name = name || '!'",
    "datasets": "confirmed = not confirmed",
    "symlinks": "other_name = other_name || '!'",
    "edges": "direction = 1 - direction",
    "column_edges": "input_field = input_field || '!'",
    "io_sets": "direction = 1 - direction",
    "descriptions": "family = family || '!'",
    "layouts": "name = name || '!'",
    "statements": "last_at = last_at + interval '1 day', producer = 'nobody'",
    "runs": "state = (state + 1) % 5, facts = 0, started_at = null, error_message = 'none'",
    "asset_facts": "observed = observed # 1, contested = 0",
    "run_io_sets": "first_at = first_at - interval '1 day'",
    "model_artifacts": "at = at + interval '1 day'",
    "run_marks": "run_uuid = gen_random_uuid()",
}


def training(number):
    """A run of an application of Spark that makes a version of a model."""
    facet = {"_producer": "https://example.org/trainer", "_schemaURL": "https://example.org/facet.json"}
    return json.dumps({
        "eventTime": f"2026-11-23T10:00:0{number}Z", "eventType": "COMPLETE", "producer": "https://example.org/trainer",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json", "job": {"namespace": "ml", "name": "train"},
        "run": {"runId": f"00000000-0000-4000-8000-00000000000{number}", "facets": {
            "spark_applicationDetails": {**facet, "applicationId": f"spark-{number}"}}},
        "outputs": [{"namespace": "s3://models", "name": f"iris/{number}", "facets": {
            "metaops_model": {**facet, "name": "iris", "version": str(number)}}}]}).encode()


def rebuild(pipe, *words, dsn=None, **settings):
    done = subprocess.run(
        [PROGRAM, "rebuild", *words], capture_output=True, timeout=120, text=True,
        env={**pipe.environment, **settings, "METAOPS_POSTGRES_CONNINFO": dsn or pipe.dsn},
    )
    if done.returncode:
        print(done.stdout + done.stderr, end="")
    return done.returncode, done.stdout, done.stderr


def last_word(out):
    return out.rstrip().rsplit("\n", 1)[-1].split(None, 1)[1]


def content(pipe, table):
    return pipe.value(f"select md5(coalesce(string_agg(t::text, e'\\n' order by t::text), '')) from graph.{table} t")


def damage(pipe):
    """Some rows of every table changed, some deleted, some made up, and what events point to."""
    with psycopg.connect(pipe.dsn) as connection:
        connection.execute("select setseed(%s)", (SEED % 1000 / 1000,))
        for table, change in DAMAGE.items():
            some = f"ctid in (select ctid from graph.{table} order by random() limit 3)"
            # A change that makes two rows of one key is none.
            connection.execute("savepoint here")
            try:
                connection.execute(f"update graph.{table} set {change} where {some}")
            except psycopg.errors.UniqueViolation:
                connection.execute("rollback to savepoint here")
            connection.execute(f"delete from graph.{table} where {some}")
        connection.execute("insert into graph.jobs values (gen_random_uuid(), 'nowhere', 'nothing')")
        connection.execute("insert into graph.edges select job_uuid, 1, dataset_uuid from graph.jobs, graph.datasets"
                           " where jobs.name = 'nothing' limit 1")
        connection.execute("update graph.events set statement_id = gen_random_uuid(), facet_digests = null,"
                           " event_type = null where ctid in (select ctid from graph.events limit 5)")


def calm(pipe):
    before = pipe.checksum()
    others = {table: content(pipe, table) for table in UNTOUCHED}
    of_models = {table: content(pipe, table) for table in ("model_artifacts", "run_marks")}
    stored = content(pipe, "events")
    code, out, _ = rebuild(pipe)
    check("a graph that is right stays", (0, "was what its events say", before),
          (code, last_word(out), pipe.checksum()))

    damage(pipe)
    damaged = pipe.checksum()
    check("the damage shows", True, damaged != before)
    code, out, _ = rebuild(pipe, "--dry-run")
    told = {line.split()[0] for line in out.splitlines()}
    check("--dry-run tells of every table", set(), {*DAMAGE, "events"} - told)
    check("and changes nothing", (1, damaged), (code, pipe.checksum()))
    code, out, _ = rebuild(pipe)
    check("what was damaged is again what it was", (0, "is now what its events say", before),
          (code, last_word(out), pipe.checksum()))
    check("so is what models and pods find runs by", of_models, {table: content(pipe, table) for table in of_models})
    check("events are stored as before", stored, content(pipe, "events"))
    check("nothing else was touched", others, {table: content(pipe, table) for table in UNTOUCHED})
    check("every body is the one its id says", [], pipe.broken_bodies())
    check("the shadow is gone", 0, pipe.value("select count(*) from pg_namespace where nspname = 'graph_shadow'"))


def killed(pipe):
    """In the middle of its work: its sessions end, and nobody notices."""
    process = subprocess.Popen([PROGRAM, "rebuild"], env=pipe.environment, stdout=subprocess.DEVNULL)
    wait_until("there is a shadow", lambda: pipe.value(
        "select count(*) from pg_namespace where nspname = 'graph_shadow'"))
    process.kill()
    process.wait()
    wait_until("its sessions are over", lambda: not pipe.value(
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and application_name = 'metaops rebuild'"))


def busy(pipe, lines):
    """Ingest and readers while the graph is rebuilt again and again."""
    stop = threading.Event()
    empty, failed = [], []

    def read():
        """A statement that waits for a rebuild's end would fail."""
        try:
            look()
        except psycopg.Error as error:
            failed.append(str(error))

    def look():
        with psycopg.connect(role_dsn("reader", pipe.database), autocommit=True,
                             options="-c statement_timeout=60s") as connection:
            while not stop.is_set():
                jobs, edges = connection.execute(
                    "select (select count(*) from metaops.jobs), (select count(*) from metaops.edges)").fetchone()
                if not jobs or not edges:
                    empty.append((jobs, edges))
                time.sleep(0.02)

    def send():
        for at in range(0, len(lines), 40):
            pipe.emit(lines[at:at + 40])

    threads = [threading.Thread(target=read), threading.Thread(target=send)]
    with psycopg.connect(pipe.dsn) as older:
        older.execute("set transaction isolation level repeatable read")
        before = older.execute("select metaops.graph_checksum()").fetchone()
        damage(pipe)
        for thread in threads:
            thread.start()
        killed(pipe)
        codes, rounds = set(), 0
        while threads[1].is_alive() or rounds < 2:
            codes.add(rebuild(pipe)[0])
            rounds += 1
        check("an older snapshot shows the older graph", before,
              older.execute("select metaops.graph_checksum()").fetchone())
    stop.set()
    for thread in threads:
        thread.join()
    pipe.wait_stored()
    check("every rebuild under load ended well", {0}, codes)
    check("no reader saw an empty graph, or waited", ([], []), (empty, failed))
    code, out, _ = rebuild(pipe, "--dry-run")
    check("workers wrote on as if nothing were", (0, "was what its events say"), (code, last_word(out)))


def refused(pipe):
    code, _, _ = rebuild(pipe, dsn=role_dsn("writer", pipe.database))
    check("a worker's role may not", 1, code)
    with psycopg.connect(pipe.dsn, autocommit=True) as other:
        other.execute("select pg_advisory_lock(hashtext('metaops.maintain'))")
        code, _, err = rebuild(pipe)
        check("not while events are being deleted", (1, True), (code, "is at work" in err))
    damage(pipe)
    before = pipe.checksum()
    code, out, _ = rebuild(pipe, METAOPS_INGEST_JSON_DEPTH_MAX="4")
    check("events that are refused today stop it", (1, True), (code, " 0 refused" not in out))
    check("and nothing was changed", before, pipe.checksum())
    check("the damage is mended", 0, rebuild(pipe)[0])


def bodies_gone(pipe):
    """Retention takes bodies and rows of events; what they told stays, whatever else is made anew."""
    partitions = [name for (name,) in pipe.query("select name from graph.event_partitions(now())")]
    pipe.query("delete from graph.body_bases where base_id in (select body_base from graph.events limit 3)")
    taken = sum(pipe.value("select graph.expire_events(%s, now() + interval '1 day', 60, false)", name)
                for name in partitions)
    check("bodies are gone", True, taken > 100)
    before = pipe.checksum()
    code, out, err = rebuild(pipe)
    check("bodies that are gone stop it", (1, True, True), (code, " 0 gone" not in out, "--merge" in err))
    code, out, _ = rebuild(pipe, "--merge")
    check("with --merge nothing is forgotten", (0, "was what its events say", before),
          (code, last_word(out), pipe.checksum()))
    told = "select count(*) from graph.edges"
    edges = pipe.value(told)
    pipe.query("delete from graph.edges")
    rebuild(pipe, "--merge")
    check("and what the other bodies tell comes back", True, 0 < pipe.value(told) < edges)


def main():
    rng = random.Random(SEED)
    known = list(dict.fromkeys(test_events())) + events(rng, 60) + [training(number) for number in range(8)]
    further = events(rng, 160)
    everything = len(set(known + further))
    with Pipeline("rebuild", 3) as pipe, Pipeline("rebuild-reference", 3) as reference:
        pipe.emit(known)
        pipe.worker()
        pipe.wait_stored()
        reference.emit(known + further)
        reference.worker()
        calm(pipe)
        busy(pipe, further)
        reference.wait_stored()
        check("nothing was lost", everything, pipe.value("select count(*) from metaops.events"))
        check("the graph is that of a store that was never rebuilt", reference.checksum(), pipe.checksum())
        refused(pipe)
        bodies_gone(pipe)
    end()


main()
