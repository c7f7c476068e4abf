"""Speed of walks on graphs of 100,000 edges: p99 of 200 seeded starts, warm; sizes and depths held against a plain
search.

The goals hold on a machine that does nothing else. What fails is twice the goal: a slow machine stays below it, a wrong
plan is far beyond."""

import collections
import random
import subprocess
import time

from sqltest import check, copy_text, end, sql, uid

ROUNDS = 3


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


class Session:
    """One psql that answers one query at a time, and the CPU time of the server process behind it."""

    def __init__(self):
        self.psql = subprocess.Popen(["psql", "-XqAt"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     text=True, bufsize=1)
        self.stat = f"/proc/{self.ask('select pg_backend_pid()')}/schedstat"

    def ask(self, query):
        self.psql.stdin.write(query + ";\n")
        return self.psql.stdout.readline().strip()

    def cpu_ms(self):
        with open(self.stat, encoding="ascii") as stat:
            return int(stat.read().split()[0]) / 1e6


def measure(calls):
    """Milliseconds of each call in one session, by the CPU and by the clock, and what it answered."""
    session = Session()
    cpu, clock, answers = [], [], []
    for function, start in calls[:10] + calls:
        before, began = session.cpu_ms(), time.perf_counter()
        answer = session.ask("select count(*), coalesce(sum(depth), 0)"
                             f" from metaops.{function}('ns', '{start}')")
        clock.append((time.perf_counter() - began) * 1000)
        cpu.append(session.cpu_ms() - before)
        answers.append(tuple(map(int, answer.split("|"))))
    return cpu[10:], clock[10:], answers[10:]


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
    # A walk waits for nothing, so its CPU time is what it takes on a machine that does nothing else. Held
    # to the limit is the best of a few rounds of each start.
    rounds = [measure(calls) for _ in range(ROUNDS)]
    cpu = sorted(min(each) for each in zip(*(times for times, _, _ in rounds)))
    clock = sorted(min(each) for each in zip(*(times for _, times, _ in rounds)))
    expected = [search(hops[f == "upstream"], s) for f, s in calls]
    for _, _, answers in rounds:
        check(f"{name}: answers", answers, expected)
    check(f"{name}: p99 {cpu[197]:.1f} ms is under twice {limit_ms} ms", cpu[197] < 2 * limit_ms, True)
    print(f"{name}: {sum(len(a) + len(b) for _, a, b in jobs)} edges, answers up to"
          f" {max(n for n, _ in expected)}, p50 {cpu[100]:.1f} ms, p99 {cpu[197]:.1f} ms (by the clock"
          f" {clock[197]:.1f} ms), {'reached' if cpu[197] < limit_ms else 'MISSED'}: {limit_ms} ms")
end("speed")
