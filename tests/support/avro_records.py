"""avro_records - the records of metaops.events and metaops.dead-letters by another implementation of
Avro, so that ours is not its own judge."""

import hashlib
import io
import json

import fastavro
import zstandard

from own_pipeline import ROOT


def load(name):
    text = (ROOT / f"schemas/avro/{name}.avsc").read_text()
    for line in (ROOT / "schemas/avro/fingerprints.txt").read_text().splitlines():
        if line.endswith(f" {name}.avsc"):
            return fastavro.parse_schema(json.loads(text)), b"\xc3\x01" + bytes.fromhex(line.split()[0])
    raise AssertionError(f"no fingerprint of {name}")


EVENT, EVENT_HEADER = load("lineage_event.v1")
EVENT_2, EVENT_2_HEADER = load("lineage_event.v2")
LETTER, LETTER_HEADER = load("dead_letter.v1")
ENRICHED, ENRICHED_HEADER = load("enriched_event.v1")


def event_record(body, version=1, **changed):
    """As the first version has it; with version=2 as the second, which has gaps."""
    record = {
        "event_id": hashlib.sha256(body).digest()[:16],
        "received_at_us": 1772359200000000,
        "source": "EMITTER",
        "format": "openlineage",
        "principal": None,
        "emitter_id": None,
        "emitter_epoch": None,
        "emitter_sequence": None,
        "redactions": 0,
        "idempotency_key": None,
        "body_codec": "IDENTITY",
        "body_bytes": len(body),
        "body": body,
        **changed,
    }
    schema, header = (EVENT, EVENT_HEADER) if version == 1 else (EVENT_2, EVENT_2_HEADER)
    out = io.BytesIO(header)
    out.seek(0, io.SEEK_END)
    fastavro.schemaless_writer(out, schema, {"gaps": [], **record} if version == 2 else record)
    return out.getvalue()


def read_event(value):
    assert value.startswith(EVENT_2_HEADER), value[:10]
    return fastavro.schemaless_reader(io.BytesIO(value[len(EVENT_2_HEADER) :]), EVENT_2)


def read_body(value):
    """The body of an event's record, inflated: a compressed one hides what is searched."""
    record = read_event(value)
    if record["body_codec"] == "ZSTD":
        return zstandard.ZstdDecompressor().decompress(record["body"], max_output_size=record["body_bytes"])
    return record["body"]


def read_letter(value):
    assert value.startswith(LETTER_HEADER), value[:10]
    return fastavro.schemaless_reader(io.BytesIO(value[len(LETTER_HEADER) :]), LETTER)


def read_enriched(value):
    assert value.startswith(ENRICHED_HEADER), value[:10]
    return fastavro.schemaless_reader(io.BytesIO(value[len(ENRICHED_HEADER) :]), ENRICHED)
