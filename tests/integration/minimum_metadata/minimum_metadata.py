"""metaops.minimum_metadata on the real stack: the world of world.py in several orders and with duplicates shows what the
table by hand says; so it does after a rebuild from bodies, and with workers that know nothing yet; what is told too long ago
is missing once there is a limit.

METAOPS_SEED (default 1): the orders."""

import os
import random
import subprocess

from checks import check, end
from own_pipeline import LIMIT_S, PROGRAM, Pipeline, role_dsn
from world import events, expected, growing, monday, run_id

ORDERS = 4 if "METAOPS_TEST_SHORT" in os.environ else 24
COLUMNS = ("kind, namespace, name, version, score::float, lineage::float, auditability::float, accountability::float,"
           " reproducibility::float, gate, missing, missing_mandatory, inferred, owner")


def orders(rng):
    """In order first; then others, a third of the events twice."""
    for number in range(ORDERS):
        order = events(str(number))
        if number:
            rng.shuffle(order)
            for event in rng.sample(order, len(order) // 3):
                order.insert(rng.randrange(len(order) + 1), event)
        yield order


def look(pipe, what):
    """Every order by itself, so that the first difference names it."""
    actual = {}
    for line in pipe.query(f"select {COLUMNS} from metaops.minimum_metadata"):
        line = tuple(tuple(value) if isinstance(value, list) else value for value in line)
        actual.setdefault(line[1].rsplit(" ", 1)[-1].rsplit("/", 1)[-1], set()).add(line)
    for number in range(ORDERS):
        wanted = expected(str(number))
        found = actual.pop(str(number), set())
        check(f"{what}, order {number}: too much", set(), found - wanted)
        check(f"{what}, order {number}: too little", set(), wanted - found)
    check(f"{what}: nothing else", {}, actual)


def gate(pipe, *words):
    """As a role that may only read. -> exit code, lines"""
    done = subprocess.run([PROGRAM, "gate", *words], capture_output=True, text=True, timeout=LIMIT_S, env={
        **pipe.environment, "METAOPS_POSTGRES_CONNINFO": role_dsn("reader", pipe.database)})
    return done.returncode, done.stdout.splitlines() or done.stderr.splitlines()


def passed_and_failed(pipe):
    score = "score    0.842 (lineage 1.000, auditability 0.750, accountability 1.000, reproducibility 0.750)"
    check("passed", (0, ["passed   dataset data 0 clean", score]), gate(pipe, "dataset", "data 0", "clean"))
    check("that version", (0, ["passed   dataset data 0 clean version 7", score]),
          gate(pipe, "dataset", "data 0", "clean", "--version", "7"))
    code, lines = gate(pipe, "dataset", "data 0", "clean", "--version=8")
    check("a version that nobody told of is missing", (1, "missing  version         "), (code, lines[2][:25]))
    check("the commit of a job", [0, 1], [gate(pipe, "job", "jobs 0", "load", "--version", version)[0] for version in ("abc123", "abc")])
    check("failed: each missing field, its tools, the owner", (1, [
        "failed   job jobs 0 ping",
        "score    0.583 (lineage 1.000, auditability 0.750, accountability 0.667, reproducibility 0.000)",
        "missing  code            facet sourceCodeLocation with a version; usually from: CI, by a job event",
        "wanted   type            facet jobType; usually from: Airflow, Spark, dbt",
        "wanted   schedule_owner  tag schedule_owner; usually from: its owner, by a job event",
        "wanted   description     facet documentation; usually from: Airflow",
        "owner    team-ping"]), gate(pipe, "job", "jobs 0", "ping"))
    check("nobody owns it", "owner    nobody is named", gate(pipe, "dataset", "data 0", "raw")[1][-1])
    ping = run_id("0", "ping")
    check("a run by its job and id, or the latest", (1, True, True), (
        gate(pipe, "run", "jobs 0", "ping", "--version", ping)[0],
        *(gate(pipe, "run", "jobs 0", "ping", *words)[1][-1] == "owner    team-ping" for words in ((), ("--version", ping)))))
    check("unknown things fail", [1] * 4, [gate(pipe, *words)[0] for words in (
        ("dataset", "data 0", "none"), ("job", "none", "load"), ("run", "jobs 0", "load", "--version", ping), ("run", "none", "load"))])
    check("wrong words", [2] * 6, [gate(pipe, *words)[0] for words in (
        (), ("table", "data 0", "clean"), ("dataset", "clean"), ("job", "a", "b", "c"), ("job", "a", "b", "--version"),
        ("job", "a", "b", "--what"))])


def sources(pipe):
    """Who said what, for people who ask."""
    said = {field: (state, producer) for field, state, producer in pipe.query(
        "select field, state, producer from metaops.gate('dataset', 'data 0', 'clean')")}
    tool, person = "https://example.org/tool/1.0", "https://example.org/people"
    check("observed, declared, missing, and by whom", {
        "name": ("observed", None), "version": ("declared", person), "uri": ("missing", None), "source": ("observed", tool),
        "column_lineage": ("observed", tool), "owner": ("declared", person), "classification": ("declared", person),
        "licence": ("declared", person), "schema": ("observed", tool), "size": ("observed", tool), "digest": ("missing", None),
        "last_updated": ("observed", tool), "quality": ("missing", None)}, said)
    check("inferred", [("schema",)], pipe.query(
        "select field from metaops.gate('dataset', 'data 0', 'raw') where state = 'inferred'"))


def fell(pipe):
    """What a worker could not know, as nothing new was told (he came back with the same words), the alerter finds."""
    pipe.query("update graph.gate_watch set look_at = now()")
    while pipe.value("select graph.judge_due_gates('1 minute')"):
        pass
    check("who fell through the gate, and nobody else", {
        (f"data {number}", "fallen", "fallen: fell through its gate: owner missing") for number in range(ORDERS)}, set(pipe.query(
            "select namespace, name, title from metaops.alerts where kind = 'contract' and status = 'open'")))
    check("nothing could not be judged", [], pipe.query("select * from graph.gate_watch where failure is not null"))
    check("each was judged in its event's transaction", ORDERS, pipe.value(
        "select count(*) from metaops.alerts a where kind = 'contract' and name = 'fallen' and occurrences = 1"))


def by_owner(pipe):
    told = "select week, kind, assets::int, passed::int, score::float from metaops.minimum_metadata_by_owner where owner"
    check("an owner's datasets and jobs", [(kind, ORDERS, passed, score) for kind, passed, score in (
        ("dataset", ORDERS, 0.842), ("job", ORDERS, 0.75))], pipe.query(
            "select kind, assets::int, passed::int, score::float from metaops.minimum_metadata_by_owner"
            " where week = %s and owner = any (%s) and kind <> 'run' order by 1", monday(0), ["team-clean", "team-load"]))
    check("an owner's runs, in the week in which they began", [(monday(0), "run", ORDERS, 0, 0.667)],
          [line for line in pipe.query(f"{told} = 'team-load'") if line[1] == "run"])
    check("what is nobody's: raw, orphan, fallen, bare and clean.parquet, which has all of it by its other name", (ORDERS * 5, ORDERS), pipe.query(
        "select assets::int, passed::int from metaops.minimum_metadata_by_owner where owner is null and kind = 'dataset'"
        " and week = %s", monday(1))[0])
    lines, weeks = growing()
    pipe.emit(lines)
    pipe.wait_stored()
    check("week by week", weeks, pipe.query(f"{told} = 'grower' order by week"))


def main():
    rng = random.Random(int(os.environ.get("METAOPS_SEED", "1")))
    with Pipeline("minimum", 3) as pipe:
        worker = pipe.worker()
        lines = [line for order in orders(rng) for line in order]
        pipe.emit(lines)
        pipe.wait_stored()
        look(pipe, "stored")
        passed_and_failed(pipe)
        sources(pipe)
        fell(pipe)
        stored = pipe.query("select * from graph.asset_facts order by 1")
        versions = pipe.query("select ctid, xmin from graph.asset_facts")
        pipe.emit(lines)
        pipe.wait_stored()
        check("what is told again writes nothing", versions, pipe.query("select ctid, xmin from graph.asset_facts"))

        worker.stop()
        pipe.query("delete from graph.asset_facts where random() < 0.5")
        pipe.query("update graph.asset_facts set observed = 0, contested = 0")
        pipe.query("update graph.descriptions set facts = 0")
        pipe.query("update graph.layouts set facts = 0")
        pipe.query("update graph.runs set facts = 0")
        pipe.run("rebuild")
        check("rebuilt as it was stored", stored, pipe.query("select * from graph.asset_facts order by 1"))
        look(pipe, "rebuilt")

        pipe.query("select metaops.limit_freshness('dataset', '1 day')")
        check("too old: nothing but names is known of datasets", [(0.111, 0.111)], pipe.query(
            "select min(score)::float, max(score)::float from metaops.minimum_metadata where kind = 'dataset' and namespace like 'data%'"))
        check("and jobs have a limit of their own", ORDERS, pipe.value(
            "select count(*) from metaops.minimum_metadata where kind = 'job' and gate"))
        pipe.query("select metaops.limit_freshness('dataset', null)")
        look(pipe, "without a limit again")
        pipe.worker(2)
        by_owner(pipe)
    end()


main()
