"""Learned drift on the real stack: histories of runs that end now, what is off in them, and the alerts that must be there,
by hand. Each history in order and, in a namespace of its own, late, shuffled and doubled: the same alerts, and the same
series but for nothing. A history of last year makes the same alerts and tells nobody. What is missing is told by the
alerter, and over when it comes; not while it may be in Kafka, unread. What is accepted is the new level, and rules say how
soon a series is off.

METAOPS_SEED (default 1): noise and orders."""

import datetime
import json
import os
import random
import uuid

from checks import check, end
from own_pipeline import Pipeline, wait_until

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)
RUNS = 40
PRODUCER = "https://example.org/producer"


def facet(**members):
    return {"_producer": PRODUCER, "_schemaURL": "https://example.org/facet.json", **members}


class Run:
    """One run of the job `load` that reads `raw` and writes `mart`: START and COMPLETE."""

    def __init__(self, name, ended, rows=1000, seconds=600, nulls=100, read=5000):
        self.name, self.ended, self.rows, self.seconds, self.nulls, self.read = name, ended, rows, seconds, nulls, read

    def events(self, namespace):
        dataset = {"namespace": namespace, "name": "mart"}
        measured = {
            "outputStatistics": facet(rowCount=self.rows, size=self.rows * 40, fileCount=4),
            "dataQualityMetrics": facet(rowCount=1000, columnMetrics={"email": {"nullCount": self.nulls, "count": 1000}})}
        read = {"namespace": namespace, "name": "raw",
                "inputFacets": {"inputStatistics": facet(rowCount=self.read)}}
        started = self.ended - datetime.timedelta(seconds=self.seconds)
        return [self.event(namespace, "START", started, [dict(dataset)], [{"namespace": namespace, "name": "raw"}]),
                self.event(namespace, "COMPLETE", self.ended, [{**dataset, "outputFacets": measured}], [read])]

    def event(self, namespace, state, time, outputs, inputs):
        return json.dumps({
            "eventTime": time.isoformat(), "eventType": state, "producer": PRODUCER,
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{namespace}/{self.name}"))},
            "job": {"namespace": namespace, "name": "load"}, "inputs": inputs, "outputs": outputs}).encode()


def history(rng, last_end, step=DAY, count=RUNS, **last):
    """Quiet runs, three of a hundred off each; then the last one, which is as told."""
    runs = [Run(f"run {n}", last_end - step * (count - n), round(rng.gauss(1000, 30)), rng.gauss(600, 20),
                round(rng.gauss(100, 5)), round(rng.gauss(5000, 100))) for n in range(1, count)]
    return runs + [Run("last", last_end, **last)]


# Name: what is off in the last run, and the alerts (kind, name, field, metric) that must be open. Bytes follow rows: one
# cause, one alert that is told.
HISTORIES = {
    "quiet": ({}, set()),
    "few rows": ({"rows": 200}, {("volume", "mart", None, "rows"), ("volume", "mart", None, "bytes")}),
    "no rows": ({"rows": 0}, {("volume", "mart", None, "rows"), ("volume", "mart", None, "bytes")}),
    "many read": ({"read": 50000}, {("volume", "raw", None, "rows")}),
    "nulls": ({"nulls": 500}, {("quality", "mart", "email", "null_share")}),
    "slow": ({"seconds": 3600}, {("behaviour", "load", None, "duration_seconds")}),
}


def late_and_doubled(rng, runs, namespace):
    """Runs up to three places late, events of a third twice."""
    places = sorted((n + (rng.randint(1, 3) if rng.random() < 0.3 else 0), n) for n in range(len(runs)))
    lines = []
    for _, number in places:
        events = runs[number].events(namespace)
        rng.shuffle(events)
        lines += events * (2 if rng.random() < 0.3 else 1)
    return lines


def alerts_of(pipe, namespace):
    return {tuple(row) for row in pipe.query(
        "select kind, name, field, detail ->> 'metric' from metaops.alerts where namespace = %s and status = 'open'", namespace)}


def series_of(pipe, namespace):
    return pipe.query(
        "select kind, name, field, metric, direction, observations, last_value, expected, spread, last_score, last_event_time"
        " from metaops.series where namespace = %s order by 1, 2, 3, 4, 5", namespace)


def orders(rng):
    with Pipeline("learned", 3) as pipe:
        pipe.worker()
        pipe.worker(2)
        lines = []
        for name, (last, _) in HISTORIES.items():
            runs = history(rng, NOW - HOUR, **last)
            lines += [line for run in runs for line in run.events(f"{name} in order")]
            lines += late_and_doubled(rng, runs, f"{name} shuffled")
            runs = history(rng, NOW - 365 * DAY, **last)
            lines += [line for run in runs for line in run.events(f"{name} last year")]
        pipe.emit(lines)
        pipe.wait_stored(180)
        for name, (_, expected) in HISTORIES.items():
            for order in ("in order", "shuffled", "last year"):
                check(f"{name}, {order}", expected, alerts_of(pipe, f"{name} {order}"))
            check(f"{name}: the same series whatever the order", series_of(pipe, f"{name} in order"),
                  series_of(pipe, f"{name} shuffled"))
        check("one cause is told once", [("mart", 1)] * 4 + [("mart", 1), ("mart", 1)] + [("load", 1)] * 2 + [("raw", 1)] * 2,
              sorted(pipe.query("select alert ->> 'name', 1 from graph.alert_outbox where what = 'opened'"),
                     key=lambda row: ["mart", "load", "raw"].index(row[0])))
        check("nothing of last year is told", 0, pipe.value(
            "select count(*) from graph.alert_outbox where alert ->> 'namespace' like '%%last year'"))
        check("every run is counted once", {(RUNS,)}, set(pipe.query(
            "select observations from metaops.series where metric <> 'gap_seconds'")))
        largest = pipe.value("select max((pg_column_size(g.*) + 4 + 32) / e.count)"
                             " from graph.series_states g cross join lateral"
                             " (select count(*) from graph.series_entries(g.states)) e where g.states is not null")
        print("bytes a series, share of its row and index entry, largest:", largest)
        check("a series takes at most 512 bytes", True, largest <= 512)
        check("no letters", 0, pipe.value("select count(*) from metaops.dead_letters"))
        back(pipe)


def back(pipe):
    """The next run is as usual: the alert is over, and that is told too."""
    pipe.emit(Run("next", NOW - HOUR / 2).events("few rows in order"))
    pipe.wait_stored()
    check("it is over with the next usual run", set(), alerts_of(pipe, "few rows in order"))
    row = pipe.query("select title, severity, detail, run_id from metaops.alerts where namespace = 'few rows in order'"
                     " and detail ->> 'metric' = 'rows'")[0]
    print(row[0], row[1], json.dumps(row[2]))
    check("the text names the run", str(uuid.uuid5(uuid.NAMESPACE_URL, "few rows in order/last")), row[3])
    check("and the last good one", str(uuid.uuid5(uuid.NAMESPACE_URL, f"few rows in order/run {RUNS - 1}")),
          row[2].get("last_good_run"))
    check("and what was seen", 200.0, row[2]["observed"])
    check("what was expected is near", True, 950 < row[2]["expected"] < 1050)
    check("told: opened, resolved", ["opened", "resolved"], [what for what, in pipe.query(
        "select what from graph.alert_outbox where alert ->> 'namespace' = 'few rows in order' order by outbox_id")])


def missing(rng):
    """Hourly writes that stop three hours ago: late; over when one comes."""
    with Pipeline("missing", 1) as pipe:
        pipe.worker()
        pipe.alerter()
        lines = []
        for run in history(rng, NOW - HOUR * 3, step=HOUR):
            lines += run.events("stopped")
        for run in history(rng, NOW - HOUR / 2, step=HOUR):
            lines += run.events("writing")
        for run in history(rng, NOW - 200 * DAY, step=HOUR):
            lines += run.events("long ago")
        pipe.emit(lines)
        pipe.wait_stored()
        found = ("freshness", "mart", None, "gap_seconds")
        wait_until("it is told that a write is missing", lambda: alerts_of(pipe, "stopped") == {found})
        pipe.emit(Run("next", NOW).events("stopped"))
        pipe.wait_stored()
        check("over when it is written", set(), alerts_of(pipe, "stopped"))
        row = pipe.query("select title, severity, detail from metaops.alerts where namespace = 'stopped'")[0]
        print(row[0], row[1], json.dumps(row[2]))
        check("nothing is missing elsewhere", [("stopped",)], pipe.query("select distinct namespace from metaops.alerts"))


def unread(rng):
    """Hourly writes that came in time, but into Kafka only, as the worker stopped four hours ago; elsewhere none came."""
    with Pipeline("unread", 1) as pipe:
        worker = pipe.worker()
        for namespace in ("unread", "gone"):
            pipe.emit([line for run in history(rng, NOW - HOUR * 3, step=HOUR) for line in run.events(namespace)])
        pipe.wait_stored()
        worker.stop()
        pipe.query("update graph.offsets set last_timestamp_ms = last_timestamp_ms - 4 * 3600 * 1000")
        pipe.emit([line for hours in (2, 1, 0) for line in Run(f"late {hours}", NOW - HOUR * hours).events("unread")])
        alerter = pipe.alerter()
        wait_until("the alerter waits for what is not stored", lambda: "may be among what is not stored yet" in alerter.words())
        check("nothing is told meanwhile", [], pipe.query("select namespace from metaops.alerts"))
        worker.start()
        pipe.wait_stored()
        found = ("freshness", "mart", None, "gap_seconds")
        wait_until("what never came is told", lambda: alerts_of(pipe, "gone") == {found})
        check("what was unread was never missing", [("gone",)], pipe.query("select distinct namespace from metaops.alerts"))


def accepted(rng):
    """Of two histories that jump, one jump is accepted: its level is usual at once, and a jump from there is a new alert. In
    the other the jump goes on."""
    with Pipeline("accepted", 2) as pipe:
        pipe.worker()
        names = ("accepted", "kept")
        count = "select count(*)::int from metaops.alerts where namespace = %s and detail ->> 'metric' = 'rows'"
        score = "select max(abs(last_score)) from metaops.series where namespace = %s and kind = 'volume' and direction = 'output'"
        pipe.emit([line for name in names for run in history(rng, NOW - 25 * DAY, rows=3000) for line in run.events(name)])
        pipe.wait_stored()
        check("one is accepted", [("expected",)], pipe.query(
            "select metaops.accept_alert(alert_id) from metaops.alerts where namespace = 'accepted' and cause is null"))
        check("and what it explains", [("expected",)] * 2, pipe.query(
            "select status from metaops.alerts where namespace = 'accepted'"))
        for day in range(1, 5):
            pipe.emit([line for name in names for line in Run(f"day {day}", NOW - (25 - day) * DAY, rows=3000 + day).events(name)])
        pipe.wait_stored()
        check("the accepted level is usual", True, pipe.value(score, "accepted") < 2)
        check("the other is not yet", True, pipe.value(score, "kept") > 10)
        check("neither is told again", [1, 1], [pipe.value(count, name) for name in names])
        pipe.emit([line for name in names for line in Run("far", NOW - 20 * DAY, rows=9000).events(name)])
        pipe.wait_stored()
        check("a jump from the accepted level is a new alert", [2, 1], [pipe.value(count, name) for name in names])


def limits(rng):
    """Rules say how soon numbers of a dataset are off, after how many runs, or that nobody wants to know; of series that are
    there and of new ones."""
    with Pipeline("limits", 2) as pipe:
        pipe.worker()
        file = pipe.folder / "contracts.json"
        strict = [{"kinds": ["volume"], "namespace": "loose", "thresholds": {"sensitivity": 0.05}},
                  {"namespace": "old", "thresholds": {"history_min": 60}},
                  {"kinds": ["volume"], "namespace": "muted", "enabled": False}]
        names = ("plain", "loose", "old", "muted")
        heeded = "select distinct namespace, sensitivity, history_min from metaops.series where metric = 'rows' order by 1"

        def load(rules):
            file.write_text(json.dumps({"rules": rules}))
            pipe.run("contracts", "load", str(file))

        load(strict)
        pipe.emit([line for name in names for run in history(rng, NOW - HOUR, rows=200) for line in run.events(name)])
        pipe.wait_stored()
        both = {("volume", "mart", None, "rows"), ("volume", "mart", None, "bytes")}
        check("as rules have it", {"plain": both, "loose": set(), "old": set(), "muted": set()},
              {name: alerts_of(pipe, name) for name in names})
        check("new series have their limits", [("loose", 0.05, 14), ("muted", 1, 14), ("old", 1, 60), ("plain", 1, 14)],
              [(name, round(sensitivity, 3), least) for name, sensitivity, least in pipe.query(heeded)])
        load([])
        check("without rules as without", [(name, 1, 14) for name in sorted(names)], pipe.query(heeded))
        load([{"kinds": ["volume"], "name": "mart", "thresholds": {"sensitivity": 2}}])
        check("series that are there have them too", {("mart", 2.0), ("raw", 1.0)}, set(pipe.query(
            "select name, sensitivity from metaops.series where metric = 'rows'")))
        names = ("deaf", "keen")
        load([])
        pipe.emit([line for name in names for run in history(rng, NOW - 2 * HOUR) for line in run.events(name)])
        pipe.wait_stored()
        load([{"kinds": ["volume"], "namespace": "deaf", "thresholds": {"sensitivity": 0.01}}])
        pipe.emit([line for name in names for line in Run("jump", NOW - HOUR, rows=9000).events(name)])
        pipe.wait_stored()
        check("workers heed a rule from the next run on", {"deaf": set(), "keen": both},
              {name: alerts_of(pipe, name) for name in names})
        load([{"kinds": ["behaviour"], "namespace": "patient", "thresholds": {"sensitivity": 0.01}}])
        lines = [line for run in history(rng, NOW - HOUR, seconds=3600) for line in run.events("patient")]
        for part in (lines[:1], lines[1:]):  # the first run has begun, and tells no number yet
            pipe.emit(part)
            pipe.wait_stored()
        check("a rule that is older than a job stands when its first run ends", set(), alerts_of(pipe, "patient"))


def main():
    seed = int(os.environ.get("METAOPS_SEED", "1"))
    print(f"METAOPS_SEED={seed}")
    rng = random.Random(seed)
    orders(rng)
    missing(rng)
    unread(rng)
    accepted(rng)
    limits(rng)
    end()


main()
