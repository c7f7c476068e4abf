"""Exact drift on the real stack. Histories of scenarios.py, each in several orders and with duplicates (each order in a
namespace of its own, an event a transaction), and the real events of tests/data, in order and shuffled over partitions and
workers: always exactly the alerts that the tables by hand say.

METAOPS_SEED (default 1): the orders."""

import itertools
import json
import os
import random

from checks import check, end
from own_pipeline import Pipeline, test_events
from scenarios import SCENARIOS, any_history, openlineage

SHORT = "METAOPS_TEST_SHORT" in os.environ
ORDERS = 4 if SHORT else 24
ONE_BY_ONE = {"METAOPS_WORKER_BATCH_EVENTS_MAX": "1", "METAOPS_WORKER_BATCH_LINGER_MS": "0"}

# Every change in tests/data that is drift, by hand: Spark's ALTER TABLE; the SQL of dbt's incremental model, which has
# another one in its second run; a dbt run and a dbt test that failed after they had passed; an Airflow task that writes
# what another one wrote before. All else there that differs is pruned, masked, untyped or spelled otherwise, or belongs
# to one run of its parent.
REAL = {
    ("schema", "file", "/data/shop/spark/wh/mart.db/agg", "extra", "open"),
    ("code", "dbt-prod", "shop.dbt.shop.orders_inc", None, "open"),
    ("behaviour", "dbt-prod", "dbt-run-shop", None, "open"),
    ("behaviour", "dbt-prod", "test.shop.no_negative", None, "open"),
    ("topology", "postgres://127.0.0.1:18432", "shop.mart.daily", None, "open"),
}


# The column; of what shows only in several runs, what it is.
FIELD = "coalesce(a.field, case when a.aspect > 8 then a.detail ->> 'fact' end)"


def orders(rng, events):
    """In order first; then others, a third of the events twice."""
    yield events
    every = list(itertools.permutations(events)) if len(events) <= 4 else []
    rng.shuffle(every)
    for number in range(ORDERS - 1):
        order = list(every[number % len(every)]) if every else rng.sample(events, len(events))
        for event in rng.sample(events, (len(events) + 2) // 3):
            order.insert(rng.randrange(len(order) + 1), event)
        yield order


def settled(pipe):
    """What workers leave is judged: by the alerter otherwise."""
    while any(pipe.query("select graph.judge_drift(interval '1 minute', false), graph.judge_jobs(interval '1 minute')")[0]):
        pass


def scenarios(rng):
    expected = {}
    lines = []
    for name, (events, alerts) in SCENARIOS.items():
        for number, order in enumerate(orders(rng, events)):
            namespace = f"{name} {number}"
            expected[namespace] = alerts
            lines += [openlineage(namespace, event) for event in order]
    with Pipeline("drift", 1, ONE_BY_ONE) as pipe:
        pipe.worker()
        pipe.emit(lines)
        pipe.wait_stored(180)
        settled(pipe)
        actual = {namespace: set() for namespace in expected}
        for namespace, *alert in pipe.query(f"select v.namespace, v.kind, v.name, {FIELD}, v.status from metaops.alerts v join graph.alerts a using (alert_id)"):
            actual[namespace].add(tuple(alert))
        for name in SCENARIOS:
            mine = [namespace for namespace in expected if namespace.rsplit(" ", 1)[0] == name]
            wrong = {namespace: actual[namespace] for namespace in mine if actual[namespace] != expected[namespace]}
            check(f"{name} ({len(mine)} orders)", {}, wrong)
        check("in order, the commit is that of the run, not the latest", ["c2"], [commit for (commit,) in pipe.query(
            "select detail ->> 'commit' from metaops.alerts where namespace = 'a column goes with a commit 0' and kind = 'schema'")])
        check("nothing could not be judged", [], pipe.query("select * from graph.drift_subjects where failure is not null"))
        again = json.loads(pipe.run("drift", "backtest", "--since", "2026-01-01", "--json"))["alerts"]
        stored = set(pipe.query("select namespace, kind, name, to_jsonb(event_time)::text from metaops.alerts"))
        found = {(a["namespace"], a["kind"], a["name"], json.dumps(a["at"])) for a in again}
        check("a backtest finds the same", (len(again), []), (pipe.value("select count(*) from metaops.alerts"), sorted(stored ^ found)))
        check("old events are told to nobody", 0, pipe.value("select count(*) from graph.alert_outbox"))


def any_histories(rng):
    """In whichever order the events of a history come, its alerts are the same."""
    histories = [any_history(rng) for _ in range(6 if SHORT else 40)]
    lines = [openlineage(f"{number}/{order_number}", event) for number, history in enumerate(histories)
             for order_number, order in enumerate(itertools.islice(orders(rng, history), 4)) for event in order]
    with Pipeline("drift-any", 1, ONE_BY_ONE) as pipe:
        pipe.worker()
        pipe.emit(lines)
        pipe.wait_stored(180)
        settled(pipe)
        told = {}
        for namespace, *alert in pipe.query(
                "select namespace, kind, name, detail ->> 'fact', detail -> 'changes', status, event_time from metaops.alerts"):
            told.setdefault(namespace, set()).add(str(alert).replace(namespace, "here"))
        for number, history in enumerate(histories):
            in_order, *others = [told.get(f"{number}/{order}", set()) for order in range(4)]
            check(f"history {number}: {len(in_order)} alerts in any order", [], [other ^ in_order for other in others if other != in_order])


def real_events(rng):
    lines = list(dict.fromkeys(test_events()))
    rounds = [(lines, 12, 1)]
    for _ in range(1 if SHORT else 5):
        shuffled = lines + rng.sample(lines, len(lines) // 3)
        rng.shuffle(shuffled)
        rounds.append((shuffled, rng.choice([1, 3, 12]), rng.choice([1, 2, 4])))
    for number, (order, partitions, workers) in enumerate(rounds):
        settings = {"METAOPS_WORKER_BATCH_EVENTS_MAX": str(rng.choice([1, 20, 1000]))}
        with Pipeline("drift-real", partitions, settings) as pipe:
            for worker in range(workers):
                pipe.worker(worker)
            pipe.emit(order)
            pipe.wait_stored()
            settled(pipe)
            alerts = pipe.query("select kind, namespace, name, field, status from metaops.alerts")
            check(f"the real events, {'shuffled' if number else 'in order'}, {partitions} partitions, {workers} workers",
                  sorted(map(str, REAL)), sorted(map(str, alerts)))


def main():
    seed = int(os.environ.get("METAOPS_SEED", "1"))
    print(f"METAOPS_SEED={seed}")
    rng = random.Random(seed)
    scenarios(rng)
    any_histories(rng)
    real_events(rng)
    end()


main()
