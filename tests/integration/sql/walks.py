"""Walks over random small graphs with aliases, times and columns against a plain breadth-first search."""

import itertools
import random

from sqltest import check, copy_text, end, literal, rows, sql, uid

NOBODY = "00000000-0000-0000-0000-000000000000"
DAY = "2026-01-%02d 00:00:00+00"
FIELDS = ["a", "b", "c"]
REACHED = 0  # by all searches


class Graph:
    """Statements with their event days; what the base tables hold follows from them."""

    def __init__(self, seed):
        rnd = random.Random(seed)
        size = rnd.choice([6, 12, 25])
        self.datasets = {f"d{i}": rnd.random() < 0.8 for i in range(size)}  # name: confirmed
        names = list(self.datasets)
        # Some other names are datasets too, some are not.
        self.symlinks = {(rnd.choice(names), rnd.choice(names + ["path/x", "path/y"]))
                         for _ in range(rnd.choice([0, 0, 2, 4]))}
        self.symlinks = {(a, b) for a, b in self.symlinks if a != b}
        self.statements = []
        for job in range(size):
            for _ in range(rnd.choice([1, 1, 2])):
                inputs = rnd.sample(names, rnd.choice([0, 1, 1, 2, 3]))
                outputs = rnd.sample(names, rnd.choice([0, 1, 1, 2]))
                days = sorted(rnd.sample(range(1, 29), rnd.choice([1, 1, 2, 3])))
                columns = {}
                for output in outputs:
                    columns[output] = sorted({
                        (rnd.choice(FIELDS + [None]), rnd.choice(inputs or names), rnd.choice(FIELDS))
                        for _ in range(rnd.choice([0, 2, 4]))}, key=str)
                self.statements.append((f"j{job}", inputs, outputs, days, columns))
        self.groups = self.make_groups()

    def make_groups(self):
        group = {name: {name} for name in self.datasets}
        for a, b in self.symlinks:
            group.setdefault(b, {b})
        for a, b in self.symlinks:
            merged = group[a] | group[b]
            for member in merged:
                group[member] = merged
        return group

    def shown(self, name):
        real = [m for m in self.groups[name] if m in self.datasets]
        best = [m for m in real if self.datasets[m]] or real
        return min("ns/" + m for m in best)[3:]

    def load(self):
        tables = {key: [] for key in ("datasets", "jobs", "edges", "statements", "io_sets", "events",
                                      "descriptions", "column_edges", "symlinks")}
        for name, confirmed in self.datasets.items():
            tables["datasets"].append((uid("d", name), "ns", name, confirmed))
        for a, b in self.symlinks:
            tables["symlinks"].append((uid("d", a), uid("d", b), "TABLE", "ns", b))
        edges, jobs, facets = set(), set(), {}
        for number, (job, inputs, outputs, days, columns) in enumerate(self.statements):
            jobs.add(job)
            io = uid("io", number)
            descriptions = ""
            sides = [(0, d) for d in inputs] + [(1, d) for d in outputs]
            for ordinal, (direction, dataset) in enumerate(sides):
                tables["io_sets"].append((io, ordinal, direction, uid("d", dataset), uid("j", job)))
                edges.add((uid("j", job), direction, uid("d", dataset)))
                entries = columns.get(dataset) if direction == 1 else None
                if not entries:
                    descriptions += NOBODY.replace("-", "")
                    continue
                digest, description = uid("facet", entries), uid("said", entries)
                descriptions += description
                facets[description] = (description, 0, "columnLineage", "", digest)
                for place, (output_field, source, field) in enumerate(entries):
                    tables["column_edges"].append(
                        (uid("d", dataset), uid("j", job), digest, place, output_field, uid("d", source),
                         field, "", ""))
            last = uid("e", number, days[-1])
            tables["statements"].append(
                (uid("s", number), 1, uid("j", job), io if sides else None,
                 "\\x" + descriptions if sides else None, "p", DAY % days[0], DAY % days[-1], last))
            for day in days:
                tables["events"].append((uid("e", number, day), DAY % day, DAY % day, uid("s", number), 0, 0, 0,
                                         0, 0, "t", "\\x"))
        tables["jobs"] = [(uid("j", job), "ns", job) for job in jobs]
        tables["edges"] = list(edges)
        tables["descriptions"] = list(facets.values())
        tables["column_edges"] = list({row[:4]: row for row in tables["column_edges"]}.values())
        columns_of = {
            "datasets": "dataset_uuid, namespace, name, confirmed", "jobs": "job_uuid, namespace, name",
            "edges": "job_uuid, direction, dataset_uuid",
            "statements": "statement_id, kind, job_uuid, io_id, descriptions, producer, first_at, last_at, last_by",
            "io_sets": "io_id, ordinal, direction, dataset_uuid, job_uuid",
            "events": "event_id, event_time, received_at, statement_id, kafka_offset, kafka_partition,"
                      " body_bytes, redactions, source, topic, body",
            "descriptions": "description_id, ordinal, name, family, digest",
            "column_edges": "output_uuid, job_uuid, digest, ordinal, output_field, input_uuid, input_field,"
                            " type, subtype",
            "symlinks": "dataset_uuid, other_uuid, type, other_namespace, other_name"}
        text = "begin; truncate " + ", ".join("graph." + name for name in tables) + ";\n"
        for name, records in tables.items():
            text += copy_text("graph." + name, columns_of[name], records)
        sql(text + "commit;")

    def hops(self, upward, days_seen):
        """(from, job, to) over datasets that count for the times asked for."""
        entered, left = set(), set()
        for job, inputs, outputs, days, _ in self.statements:
            if any(days_seen(day) for day in days):
                entered |= {(job, d) for d in inputs}
                left |= {(job, d) for d in outputs}
        if upward:
            entered, left = left, entered
        return {(a, job, b) for job, a in entered for other, b in left if other == job}

    def column_hops(self, upward, days_seen):
        every = {}  # output dataset: all of its fields that lineage names
        for _, _, _, _, columns in self.statements:
            for output, entries in columns.items():
                every.setdefault(output, set()).update(e[0] for e in entries if e[0])
        result = set()
        for job, _, _, days, columns in self.statements:
            if not any(days_seen(day) for day in days):
                continue
            for output, entries in columns.items():
                for output_field, source, field in entries:
                    targets = [output_field] if output_field else (FIELDS if upward else every[output])
                    for target in targets:
                        a, b = (output, target), (source, field)
                        result.add((a, job, b) if upward else (b, job, a))
        return result


def search(graph, start, hops, label, node_of, max_depth):
    """{node: (depth, job, path)} by levels; of several ways the one with the least path, then job."""
    begin = node_of(start)
    global REACHED
    known = {begin}
    level = {begin: [label(start, True)]}
    found = {}
    for depth in range(1, max_depth + 1):
        reached = {}
        for a, job, b in hops:
            source, target = node_of(a), node_of(b)
            if source in level and target not in known:
                way = (level[source] + [label(b, False)], job)
                reached[target] = min(reached.get(target, way), way)
        for node, (path, job) in reached.items():
            found[node] = (depth, job, path)
        known |= reached.keys()
        REACHED += len(reached)
        level = {node: path for node, (path, _) in reached.items()}
    return found


def walked(function, arguments):
    return sorted((r["depth"], r["name"], r["field"] or "", r["via_job_name"], r["path"])
                  for r in rows(f"select * from metaops.{function}({arguments})"))


def compare(seed):
    graph = Graph(seed)
    graph.load()
    rnd = random.Random(seed + 1)
    times = [(None, None), (rnd.randint(1, 28), None), (None, rnd.randint(1, 28)),
             tuple(sorted((rnd.randint(1, 28), rnd.randint(1, 28)), reverse=True))]
    for (as_of, since), upward in itertools.product(times, (True, False)):
        def seen(day):
            return (as_of is None or day <= as_of) and (since is None or day >= since)
        start = rnd.choice(list(graph.datasets))
        depth = rnd.choice([1, 2, 20])
        clock = (f"max_depth => {depth}, as_of => {literal(as_of and DAY % as_of)},"
                 f" seen_since => {literal(since and DAY % since)}")
        what = f"seed {seed} {start} upward {upward} {clock}"
        found = search(graph, start, graph.hops(upward, seen),
                       lambda d, is_start: "ns/" + (d if is_start else graph.shown(d)),
                       lambda d: frozenset(graph.groups[d]), depth)
        expected = sorted((at, graph.shown(min(node & graph.datasets.keys())), "", job, path)
                          for node, (at, job, path) in found.items())
        function = "upstream" if upward else "downstream"
        check(f"datasets, {what}", walked(function, f"'ns', {literal(start)}, {clock}"), expected)

        field = rnd.choice(FIELDS)
        found = search(graph, (start, field), graph.column_hops(upward, seen),
                       lambda n, is_start: f"ns/{n[0] if is_start else graph.shown(n[0])}#{n[1]}",
                       lambda n: (frozenset(graph.groups[n[0]]), n[1]), depth)
        expected = sorted((at, graph.shown(min(node[0] & graph.datasets.keys())), node[1], job, path)
                          for node, (at, job, path) in found.items())
        check(f"columns, {what} {field}",
              walked("column_" + function, f"'ns', {literal(start)}, '{field}', {clock}"), expected)


def job_starts():
    """c -> j1 -> (a, b); a -> j2 -> z: from job j1 the outputs are one away, its input one against it."""
    graph = Graph(0)
    graph.datasets = {name: True for name in "abcz"}
    graph.symlinks = set()
    graph.statements = [("j1", ["c"], ["a", "b"], [1], {}), ("j2", ["a"], ["z"], [1], {})]
    graph.groups = graph.make_groups()
    graph.load()
    check("from a job downstream", walked("downstream", "'ns', 'j1', kind => 'job'"),
          [(1, "a", "", "j1", ["ns/j1", "ns/a"]), (1, "b", "", "j1", ["ns/j1", "ns/b"]),
           (2, "z", "", "j2", ["ns/j1", "ns/a", "ns/z"])])
    check("from a job upstream", walked("upstream", "'ns', 'j1', kind => 'job'"),
          [(1, "c", "", "j1", ["ns/j1", "ns/c"])])
    check("from nowhere", walked("upstream", "'ns', 'nobody'"), [])


job_starts()
for seed in range(60):
    compare(seed)
check("nodes were reached at all", REACHED > 2000, True)
end("walks")
