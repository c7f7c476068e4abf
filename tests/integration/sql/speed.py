"""Speed of walks on graphs of 100,000 edges: p99 of 200 seeded starts, warm, answers held against a plain search."""

import collections
import random
import re
import subprocess

from sqltest import check, copy_text, end, sql, uid

ROUNDS_MAX = 3


def chain(rnd):
    return [(f"j{i}", [f"d{i}"], [f"d{i + 1}"]) for i in range(50000)]


def cycle(rnd):
    return [(f"j{i}", [f"d{i}"], [f"d{(i + 1) % 50000}"]) for i in range(50000)]


def layers(rnd):
    """18 blocks of 20 layers, 25 datasets each, made from 10 of the layer above."""
    return [(f"j{b}.{k}.{w}", [f"d{b}.{k - 1}.{x}" for x in rnd.sample(range(25), 10)], [f"d{b}.{k}.{w}"])
            for b in range(18) for k in range(1, 21) for w in range(25)]


def hub(rnd):
    return [(f"j{h}.{i}", [f"hub{h}"], [f"d{h}.{i}"]) for h in range(5) for i in range(10000)]


def load(jobs):
    datasets = sorted({d for _, a, b in jobs for d in a + b})
    sql("truncate graph.datasets, graph.jobs, graph.edges, graph.symlinks, graph.column_edges;\n"
        + copy_text("graph.datasets", "dataset_uuid, namespace, name, confirmed",
                    [(uid("d", d), "ns", d, True) for d in datasets])
        + copy_text("graph.jobs", "job_uuid, namespace, name", [(uid("j", j), "ns", j) for j, _, _ in jobs])
        + copy_text("graph.edges", "job_uuid, direction, dataset_uuid",
                    [(uid("j", j), side, uid("d", d)) for j, a, b in jobs
                     for side, ds in enumerate((a, b)) for d in ds])
        + "vacuum analyze graph.datasets; vacuum analyze graph.jobs; vacuum analyze graph.edges;")
    return datasets


def search(hops, start):
    depth = {start: 0}
    level = [start]
    for at in range(1, 21):
        level = [b for a in level for b in hops[a] if depth.setdefault(b, at) == at]
        level = list(dict.fromkeys(level))
    return len(depth) - 1, sum(depth.values())


def measure(calls):
    """Milliseconds of each call in one session, and what it answered."""
    script = "\\timing on\n" + "".join(
        f"select count(*), coalesce(sum(depth), 0) from metaops.{f}('ns', '{s}');\n"
        for f, s in calls[:10] + calls)
    done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1"], input=script, text=True,
                          capture_output=True, check=True)
    times = [float(t) for t in re.findall(r"^Time: ([0-9.]+)", done.stdout, re.M)][10:]
    answers = [tuple(map(int, m)) for m in re.findall(r"^(\d+)\|(\d+)$", done.stdout, re.M)][10:]
    return times, answers


for name, make, limit_ms in (("chain", chain, 20), ("layers", layers, 20), ("hub", hub, 200),
                             ("cycle", cycle, 200)):
    rnd = random.Random(20)
    jobs = make(rnd)
    datasets = load(jobs)
    hops = {True: collections.defaultdict(list), False: collections.defaultdict(list)}
    for _, inputs, outputs in jobs:
        for a in inputs:
            for b in outputs:
                hops[False][a].append(b)
                hops[True][b].append(a)
    calls = [(rnd.choice(["upstream", "downstream"]), rnd.choice(datasets)) for _ in range(200)]
    if name == "hub":
        calls[::10] = [("downstream", f"hub{i % 5}") for i in range(20)]
    # A busy machine is no fault of the walk: the best of a few rounds counts.
    p99 = None
    for _ in range(ROUNDS_MAX):
        times, answers = measure(calls)
        p99 = min(sorted(times)[197], p99 or 1e9)
        if p99 < limit_ms:
            break
    expected = [search(hops[f == "upstream"], s) for f, s in calls]
    check(f"{name}: answers", answers, expected)
    check(f"{name}: p99 {p99:.1f} ms is under {limit_ms} ms", p99 < limit_ms, True)
    print(f"{name}: {sum(len(a) + len(b) for _, a, b in jobs)} edges, answers up to"
          f" {max(n for n, _ in expected)}, p50 {sorted(times)[100]:.1f} ms, p99 {p99:.1f} ms")
end("speed")
