"""Hostile records on the topic of events, good ones between them, some of them twice: each bad one
becomes one dead letter with its reason and bytes, in the table and on the topic; the good ones land;
the offsets go on; a second worker on the same topic and database finds nothing to do."""

import hashlib
import json
import random

import zstandard

from avro_records import event_record, read_letter
from checks import check, end
from own_pipeline import Pipeline, metric, wait_until

TIME = "2026-03-01T10:00:00Z"
LARGEST = (34 << 20) - 200  # what Kafka just takes; with a letter's other fields it is too large


def good(number):
    run = {"runId": f"0190a0a0-0000-7000-8000-{number:012x}"}
    job = {"namespace": "dead-letters", "name": f"job-{number}"}
    return json.dumps({"eventTime": TIME, "eventType": "COMPLETE", "run": run, "job": job}).encode()


def hostile(rng):
    """name -> (value, pointer and offset of the fault in the body, by hand, or None)"""
    whole = event_record(good(1000))
    header, rest = whole[:10], whole[10:]
    up_to_format = rest[:16] + rest[16:].split(b"\x16openlineage", 1)[0]
    up_to_body = whole[: whole.index(good(1000)) - 2]
    noise = bytes.fromhex("28b52ffd") + rng.randbytes(40)
    return {
        "one byte": (b"\x00", None),
        "random bytes": (rng.randbytes(300), None),
        "random bytes behind our header": (header + rng.randbytes(300), None),
        "only the header": (header, None),
        "an unknown schema": (header[:2] + bytes(8) + rest, None),
        "plain JSON": (good(1001), None),
        "cut in the middle": (whole[: len(whole) // 2], None),
        "cut before the last byte": (whole[:-1], None),
        "a text that claims 2^62 bytes": (header + up_to_format + b"\xfe" + b"\xff" * 8 + b"\x01", None),
        "a body that claims 1 GiB": (up_to_body + bytes([0x80, 0x80, 0x80, 0x80, 0x08]) + b"x", None),
        "a body that claims a negative length": (up_to_body + b"\x01", None),
        "an inflated size that is a lie": (event_record(good(1002), body_bytes=5), None),
        "an inflated size of 2 GiB": (event_record(b"{}", body_codec="ZSTD", body_bytes=(1 << 31) - 1), None),
        "a kilobyte that becomes 32 MiB": (
            event_record(zstandard.ZstdCompressor().compress(bytes(32 << 20)), body_codec="ZSTD", body_bytes=32 << 20), None),
        "no Zstandard frame": (event_record(noise, body_codec="ZSTD", body_bytes=1000), None),
        "another format": (event_record(good(1003), format="nobody's"), None),
        "a body that is no JSON": (event_record(b'{"a":x}'), ("/a", 5)),
        "a body that is no UTF-8": (event_record(b'{"a":"\xff"}'), ("/a", 6)),
        "a blank body": (event_record(b" "), ("", 1)),
        "a body that is no event": (event_record(b'{"x":1}'), ("/eventTime", 0)),
        "a body without a name": (
            event_record(b'{"eventTime":"2026-03-01T10:00:00Z","job":{"namespace":"n","name":""}}'),
            ("/job/name", 66),
        ),
        "130 levels": (event_record(b"[" * 130), None),
        "the largest that Kafka takes": (rng.randbytes(LARGEST), None),
        "an empty value": (b"", None),
    }


def main():
    rng = random.Random(5)
    bad = hostile(rng)
    goods = [good(number) for number in range(len(bad) + 1)]
    records = []
    for number, (value, _) in enumerate(bad.values()):
        partition = number % 3
        records.append((partition, b"key", event_record(goods[number])))
        records += [(partition, None, value)] * rng.choice([1, 1, 2])
    records += [(1, b"tombstone", None), (1, b"key", event_record(goods[-1]))]
    with Pipeline("dead-letters", 3) as pipe:
        worker = pipe.worker()
        pipe.produce(pipe.topic, records)
        pipe.wait_stored()
        landed = pipe.query("select job_name from metaops.events order by kafka_offset, partition")
        check("every good one lands", len(goods), len(set(landed)))
        check("once", len(goods), len(landed))
        check("bodies are what was sent", [], pipe.broken_bodies())
        look(pipe, bad)
        check("the worker lives", True, worker.runs())
        check("and counts them", len(bad), pipe.value("select count(*) from metaops.dead_letters"))
        wait_until("it says so in its metrics", lambda: metric(
            worker.admin_url, 'metaops_worker_events_total{result="dead_letter"}') >= len(bad))
        check("it stops in good order", 0, worker.stop())
        before = pipe.value("select count(*) from metaops.dead_letters"), pipe.checksum()
        again = pipe.worker(2)
        pipe.produce(pipe.topic, [(0, None, event_record(goods[0])), (0, None, b"\x00")])
        pipe.wait_stored()
        check("again: nothing new", before, (pipe.value("select count(*) from metaops.dead_letters"), pipe.checksum()))
        check("again: the worker lives", True, again.runs())
    end()


def look(pipe, bad):
    rows = {
        bytes(value): (pointer, offset, reason, event_id)
        for value, pointer, offset, reason, event_id in pipe.query(
            "select value, json_pointer, byte_offset, reason, event_id from graph.dead_letters"
        )
    }
    letters = {}
    for _, _, _, value in pipe.records(pipe.dead_topic):
        letter = read_letter(value)
        letters.setdefault(letter["letter_id"], []).append(letter)
    for name, (value, place) in bad.items():
        row = rows.get(value)
        check(f"{name}: is in the table with its bytes", True, row is not None)
        if row is None:
            continue
        check(f"{name}: has a reason", True, bool(row[2]))
        if place:
            check(f"{name}: has the place of its fault", place, row[:2])
        letter_id = row[3].bytes if row[3] else hashlib.sha256(value).digest()[:16]
        found = letters.pop(letter_id, [])
        check(f"{name}: is on the topic, once for each time it came at most", True, 1 <= len(found) <= 2)
        expected = b"" if len(value) == LARGEST else value
        check(f"{name}: with its bytes", {expected}, {letter["value"] for letter in found})
    check("nothing else is in the table", len(bad), len(rows))
    check("nothing else is on the topic", {}, letters)


main()
