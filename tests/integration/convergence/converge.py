"""The events of tests/data and those of a small world, in seeded orders with 30 % duplicates, over
other partitions, workers, lanes and batches each round: always the same graph_checksum(), and a
different one as soon as one event is missing.

METAOPS_ROUNDS (default 10, in a short round 4) rounds from METAOPS_SEED (default 1) on."""

import os
import random
import time

from own_pipeline import Pipeline, test_events
from small_world import events

VIEWS = (
    "namespaces datasets dataset_symlinks dataset_fields dataset_versions jobs job_versions runs"
    " run_inputs run_outputs edges column_lineage facets"
).split()


def graph(pipe):
    return {view: {row[0] for row in pipe.query(f"select v::text from metaops.{view} v")} for view in VIEWS}


def say_difference(expected, actual):
    for view in VIEWS:
        for sign, rows in (("-", expected[view] - actual[view]), ("+", actual[view] - expected[view])):
            for row in sorted(rows)[:3]:
                print(f"  {sign} {view}: {row[:300]}")


def disturbed(rng, lines):
    order = lines + rng.sample(lines, len(lines) * 3 // 10)
    rng.shuffle(order)
    return order


def play(lines, distinct, partitions, workers, settings, expected=None):
    """-> checksum, and the graph when that is not the expected one"""
    with Pipeline("convergence", partitions, settings) as pipe:
        half = len(lines) // 2
        pipe.emit(lines[:half])
        for number in range(workers):
            pipe.worker(number)
        pipe.emit(lines[half:])
        pipe.wait_stored(600)
        landed = pipe.value("select count(*) from metaops.events")
        assert landed == distinct, f"{landed} events instead of {distinct}"
        assert pipe.value("select count(*) from metaops.dead_letters") == 0
        checksum = pipe.checksum()
        return checksum, None if checksum == expected else graph(pipe)


def main():
    seed = int(os.environ.get("METAOPS_SEED", "1"))
    rounds = int(os.environ.get("METAOPS_ROUNDS", "4" if os.environ.get("METAOPS_TEST_SHORT") else "10"))
    lines = list(dict.fromkeys(test_events())) + events(random.Random(seed), 300)
    expected, expected_graph = play(lines, len(lines), 12, 1, {})
    failures = 0
    for number in range(seed, seed + rounds):
        rng = random.Random(number)
        start = time.monotonic()
        shape = {
            "partitions": rng.choice([1, 2, 3, 4, 5, 6]),
            "workers": rng.choice([1, 2, 3, 4]),
            "settings": {
                "METAOPS_WORKER_BATCH_EVENTS_MAX": str(rng.choice([1, 7, 50, 1000])),
                "METAOPS_WORKER_LANES": str(rng.choice([1, 2, 3])),
            },
        }
        checksum, actual = play(disturbed(rng, lines), len(lines), **shape, expected=expected)
        is_same = checksum == expected
        print(f"{'ok' if is_same else 'NOT ok'}: seed {number} {shape} {time.monotonic() - start:.1f} s", flush=True)
        if not is_same:
            failures += 1
            say_difference(expected_graph, actual)
    less, _ = play(lines[:-1], len(lines) - 1, 3, 1, {})
    print(f"{'ok' if less != expected else 'NOT ok'}: without one event the checksum is another")
    raise SystemExit(1 if failures or less == expected else 0)


main()
