"""metaops.minimum_metadata on the real stack: the world of world.py in several orders and with duplicates shows what the
table by hand says; so it does after a rebuild from bodies, and with workers that know nothing yet; what is told too long ago
is missing once there is a limit.

METAOPS_SEED (default 1): the orders."""

import os
import random

from checks import check, end
from own_pipeline import Pipeline
from world import events, expected

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


def main():
    rng = random.Random(int(os.environ.get("METAOPS_SEED", "1")))
    with Pipeline("minimum", 3) as pipe:
        worker = pipe.worker()
        lines = [line for order in orders(rng) for line in order]
        pipe.emit(lines)
        pipe.wait_stored()
        look(pipe, "stored")
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
    end()


main()
