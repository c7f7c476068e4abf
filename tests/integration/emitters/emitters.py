"""Numbers of emitters, by HTTP headers and in Avro records, in any order and more than once: the views emitters and
gaps say what is missing, by whom reported, and when it came after all. Expected rows by hand."""

import json
import random
import time

from avro_records import event_record
from checks import check, end
from own_pipeline import Pipeline, post

TIME = "2026-03-01T10:00:00Z"
MALFORMED = [
    {"MetaOps-Emitter": "web; epoch=5; seq=0"},
    {"MetaOps-Emitter": "web; epoch=5"},
    {"MetaOps-Gap": "1-2; reason=x"},
    {"MetaOps-Emitter": "web; epoch=5; seq=1", "MetaOps-Gap": "2-1; reason=x"},
]


def event(name):
    return json.dumps({"eventTime": TIME, "job": {"namespace": "emitters", "name": name}}).encode()


def gaps(pipe, emitter):
    return pipe.query(
        "select epoch, from_seq, to_seq, reason, filled_at is not null from metaops.gaps where emitter = %s"
        " order by 1, 2, 3", emitter,
    )


def totals(pipe, emitter):
    return pipe.query(
        "select epoch, last_seq, received, missing from metaops.emitters where emitter = %s order by 1", emitter
    )


def by_http(pipe, url):
    def send(sequence, body, path="", **more):
        headers = {"MetaOps-Emitter": f"web; epoch=5; seq={sequence}", **more}
        check(f"number {sequence} is taken", 201, post(f"{url}/api/v1/lineage{path}", body, **headers)[0])

    for headers in MALFORMED:
        check(f"refused: {headers}", 400, post(f"{url}/api/v1/lineage", event("x"), **headers)[0])
        check(f"refused: {headers}", 400, post(f"{url}/api/v1/lineage/batch", b"[]", **headers)[0])
    for sequence in (1, 2, 5, 5):
        send(sequence, event(f"web-{sequence}"))
    pipe.wait_stored()
    check("what the numbers show", [(5, 3, 4, "not received", False)], gaps(pipe, "web"))
    check("counts", [(5, 5, 3, 2)], totals(pipe, "web"))
    check(
        "it showed when number 5 was received", True,
        pipe.value(
            "select g.first_seen = min(e.received_at) from metaops.gaps g, metaops.events e"
            " where g.emitter = 'web' and e.emitter_id = 'web' and e.emitter_sequence = 5 group by g.first_seen"
        ),
    )
    send(6, b"[" + b",".join(event(f"web-{n}") for n in (6, 7, 8)) + b"]", "/batch")
    send(9, event("web-9"), **{"MetaOps-Gap": "3-3; reason=spool full"})
    # The same bytes again are the same event, but a number of their own.
    send(10, event("web-9"))
    pipe.wait_stored()
    check("what it reports, and what it does not",
          [(5, 3, 3, "spool full", False), (5, 4, 4, "not received", False)], gaps(pipe, "web"))
    check("counts", [(5, 10, 8, 2)], totals(pipe, "web"))
    time.sleep(0.2)
    send(4, event("web-4"))
    pipe.wait_stored()
    check("one came late", [(5, 3, 3, "spool full", False), (5, 4, 4, "late", True)], gaps(pipe, "web"))
    send(3, event("web-3"))
    pipe.wait_stored()
    check("and then the other", [(5, 3, 3, "spool full", True), (5, 4, 4, "late", True)], gaps(pipe, "web"))
    check("counts", [(5, 10, 10, 0)], totals(pipe, "web"))
    check("events carry their numbers", list(range(1, 10)),
          [n for (n,) in pipe.query("select emitter_sequence from metaops.events where emitter_id = 'web'"
                                    " order by 1")])


def by_kafka(pipe):
    """20,000 numbers, more than two chunks, shuffled over partitions and a fifth twice; 100 to 102 missing, and
    8192, the first of a chunk. An epoch without a gap, one by the first version of the schema."""
    rng = random.Random(9)
    missing = {100, 101, 102, 8192}
    values = []
    for sequence in range(1, 20001):
        if sequence in missing:
            continue
        value = event_record(
            event(f"k-{sequence}"), version=2, emitter_id="kafka", emitter_epoch=1, emitter_sequence=sequence,
            received_at_us=1772359200000000 + sequence * 1000,
            gaps=[{"from_seq": 101, "to_seq": 102, "reason": "disk full"}] if sequence == 103 else [],
        )
        values += [(rng.randrange(3), None, value)] * rng.choice([1, 1, 1, 1, 2])
    for sequence in range(1, 51):
        values.append((rng.randrange(3), None, event_record(
            event(f"k2-{sequence}"), emitter_id="kafka", emitter_epoch=2, emitter_sequence=sequence,
            received_at_us=1772360000000000 + sequence * 1000)))
    # A record that becomes a dead letter has arrived, too.
    values.append((0, None, event_record(b"{}", emitter_id="kafka", emitter_epoch=2, emitter_sequence=51)))
    # Numbers that nobody counts.
    for sequence in (0, -5, (1 << 62) + 1):
        values.append((0, None, event_record(
            event(f"odd{sequence}"), emitter_id="odd", emitter_epoch=1, emitter_sequence=sequence)))
    rng.shuffle(values)
    pipe.produce(pipe.topic, values)
    pipe.wait_stored()
    expected = [(1, 100, 100, "not received", False), (1, 101, 102, "disk full", False),
                (1, 8192, 8192, "not received", False)]
    check("order of arrival makes no gaps", expected, gaps(pipe, "kafka"))
    check("counts", [(1, 20000, 19996, 4), (2, 51, 51, 0)], totals(pipe, "kafka"))
    check("no numbers, no emitter", [], totals(pipe, "odd"))
    pipe.query("delete from graph.events")
    check("retention of events makes no gaps", expected, gaps(pipe, "kafka"))
    check("nor changes counts", [(1, 20000, 19996, 4), (2, 51, 51, 0)], totals(pipe, "kafka"))


def main():
    with Pipeline("emitters", 3) as pipe:
        gateway = pipe.gateway()
        pipe.worker(METAOPS_WORKER_LANES="2")
        pipe.wait_ready()
        by_http(pipe, gateway.url)
        by_kafka(pipe)
    end()


main()
