"""`metaops dead-letters`: a worker with a small limit puts events aside; one with the usual limit takes them when they
are sent again, and the list says so. What fails again stays the one row it was. Bytes are for the owner."""

import collections
import json
import subprocess

from avro_records import event_record
from checks import check, end
from own_pipeline import LIMIT_S, PROGRAM, Pipeline, role_dsn, wait_until

TIME = "2026-03-01T10:00:00Z"
DEEP = {"a": {"b": {"c": {"d": {"e": {"_producer": "p", "_schemaURL": "s"}}}}}}


def deep(number):
    """Nests nine levels: more than the four that the first worker takes."""
    return json.dumps({
        "eventTime": TIME, "eventType": "COMPLETE", "run": {"runId": f"0190a0a0-0000-7000-8000-{number:012x}"},
        "job": {"namespace": "retry", "name": f"job-{number}", "facets": DEEP},
    }).encode()


def letters(pipe, *words, dsn=None):
    return subprocess.run(
        [PROGRAM, "dead-letters", *words], capture_output=True, timeout=LIMIT_S,
        env={**pipe.environment, "METAOPS_POSTGRES_CONNINFO": dsn or pipe.dsn},
    )


def listed(pipe, *words, dsn=None):
    lines = letters(pipe, "list", "--json", *words, dsn=dsn).stdout.splitlines()
    return [json.loads(line) for line in lines]


def states(pipe):
    """How many letters the list shows in each state."""
    lines = letters(pipe, "list", "--limit", "1000").stdout.decode().splitlines()[1:]
    return dict(collections.Counter(line.split()[3] for line in lines))


def main():
    count = 450  # more than two groups
    with Pipeline("retry", 2) as pipe:
        small = pipe.worker(METAOPS_INGEST_JSON_DEPTH_MAX="4")
        pipe.produce(pipe.topic, [(None, None, event_record(deep(number))) for number in range(count)])
        pipe.produce(pipe.topic, [(0, None, b"\x00not a record\x1b[31m"), (1, None, event_record(b'{"a":x}'))])
        wait_until("letters", lambda: pipe.value("select count(*) from metaops.dead_letters") == count + 2)
        small.stop()

        rows = listed(pipe, "--limit", "1000")
        check("all are listed", count + 2, len(rows))
        check("a list ends at its limit", 100, len(listed(pipe)))
        fault = next(row for row in rows if row["json_pointer"] == "/a")
        check("filters: stage, reason, topic, time", (1, 1, 0, 0), tuple(len(listed(pipe, *words)) for words in (
            ("--stage", "decode"), ("--reason=" + fault["reason"].replace("%", "_"),), ("--topic", "x"), ("--since", "2999-01-01"))))
        reader = role_dsn("reader", pipe.database)
        check("a reader lists too", rows, listed(pipe, "--limit", "1000", dsn=reader))
        bad = next(row["letter_id"] for row in rows if row["stage"] == "decode")
        shown = letters(pipe, "show", bad)
        check("show: bytes that are no text, in hexadecimal", True,
              b"00000000  00 6e 6f 74 20 61 20 72 65" in shown.stdout)
        check("show: no control character reaches the terminal", False, b"\x1b" in shown.stdout)
        check("show --raw: the bytes alone", b"\x00not a record\x1b[31m", letters(pipe, "show", bad, "--raw").stdout)
        refused = letters(pipe, "show", bad, dsn=reader)
        check("show: a reader gets the reason, no bytes", (1, True, False), (
            refused.returncode, b"reason" in refused.stdout, b"not a" in refused.stdout))
        check("and is told why", True, b"for the owner" in refused.stderr)
        check("a reader cannot retry", 1, letters(pipe, "retry", bad, dsn=reader).returncode)
        check("an unknown one", 1, letters(pipe, "show", "0190a0a0-0000-7000-8000-000000000000").returncode)
        check("one that is no id", 1, letters(pipe, "retry", "x'y").returncode)
        check("retry of nothing is a mistake", 2, letters(pipe, "retry").returncode)
        check("nothing was marked so far", {0}, {row["retries"] for row in listed(pipe, "--limit", "1000")})

        origins = {row["letter_id"]: (row["partition"], row["kafka_offset"]) for row in rows
                   if row["stage"] == "decode" or row["json_pointer"] == "/a"}
        pipe.worker(2)
        one = next(row["letter_id"] for row in rows if row["letter_id"] not in origins)
        before = sum(pipe.ends().values())
        check("retry of one", b"1 sent again, 0 not taken\n", letters(pipe, "retry", one).stdout)
        pipe.wait_stored()
        check("one record more", before + 1, sum(pipe.ends().values()))
        check("it has landed", [(1, True)], pipe.query(
            "select retries, landed from metaops.dead_letters where retried_at is not null"))
        check("retry of all sends what has not landed", f"{count + 1} sent again, 0 not taken\n".encode(),
              letters(pipe, "retry", "--all").stdout)
        pipe.wait_stored()
        check("every event is there", count, pipe.value("select count(*) from metaops.events"))
        check("as it was sent", [], pipe.broken_bodies())
        rows = listed(pipe, "--limit", "1000")
        check("what fails again is not doubled", count + 2, len(rows))
        check("the list says what became of each", {"landed": count, "retried": 2}, states(pipe))
        check("both bad ones are as bad as before", {(1, False)}, {
            (row["retries"], row["landed"]) for row in listed(pipe, "--open")})
        check("their origin is still the first", origins, {
            row["letter_id"]: (row["partition"], row["kafka_offset"]) for row in listed(pipe, "--open")})

        pipe.query("update graph.dead_letters set topic = %s where letter_id = %s", f"{pipe.name}.gone", bad)
        gone = letters(pipe, "retry", bad)
        check("a topic that is gone: said, not marked", (1, b"0 sent again, 1 not taken\n", 1), (
            gone.returncode, gone.stdout, pipe.value("select retries from metaops.dead_letters where letter_id = %s", bad)))
    end()


main()
