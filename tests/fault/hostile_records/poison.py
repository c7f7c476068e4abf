"""poison - records that nobody should write, and a word that the reason of each dead letter must have: the traps of Avro
in every field, frames that lie, bytes of no meaning, bodies that are no events. Each is told (name, value, word)."""

import json

import zstandard

from avro_records import EVENT_2_HEADER, event_record

LONG_MAX = (1 << 63) - 1
LONG_MIN = -(1 << 63)
TIME = "2026-03-01T10:00:00Z"
MIB = 1 << 20


def number(value):
    """A long of Avro: zigzag, seven bits a byte."""
    zigzag = value << 1 if value >= 0 else (-value << 1) - 1
    out = bytearray()
    while zigzag > 0x7F:
        out.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    return bytes(out + bytes([zigzag]))


def text(value):
    return number(len(value)) + value


ENDLESS = b"\xff" * 12
# What stands for a length: how it is told, its bytes, the word in the reason.
LENGTHS = (
    ("LONG_MAX", number(LONG_MAX), "longer than the record"),
    ("8 GB", number(8 << 30), "longer than the record"),
    ("LONG_MIN", number(LONG_MIN), "negative length"),
    ("-1", number(-1), "negative length"),
    ("a number without end", ENDLESS, "more than 64 bits"),
)
NO_SYMBOL = "no such symbol or branch"


def fields(body, codec=0, body_bytes=None):
    """The fields of a good record, each as it stands on the wire."""
    return {
        "event_id": bytes(16),
        "received_at_us": number(1772359200000000),
        "source": number(2),
        "format": text(b"openlineage"),
        "principal": number(1) + text(b"loader"),
        "emitter_id": number(1) + text(b"emitter"),
        "emitter_epoch": number(1) + number(1),
        "emitter_sequence": number(0),
        "gaps": number(0),
        "redactions": number(0),
        "idempotency_key": number(0),
        "body_codec": number(codec),
        "body_bytes": number(len(body) if body_bytes is None else body_bytes),
        "body": text(body),
    }


def record(body, changes=(), codec=0, body_bytes=None):
    return EVENT_2_HEADER + b"".join({**fields(body, codec, body_bytes), **dict(changes)}.values())


def packed(body, **settings):
    return zstandard.ZstdCompressor(**settings).compress(body)


def lengths(good):
    for field in ("format", "principal", "emitter_id", "idempotency_key", "body"):
        branch = number(1) if field not in ("format", "body") else b""
        for what, wire, word in LENGTHS:
            yield f"{field} of {what} bytes", record(good, {field: branch + wire + b"x"}), word


def indexes(good):
    for field, value in (("source", 4), ("source", -1), ("body_codec", 2), ("body_codec", -3), ("principal", 2),
                         ("principal", -1), ("emitter_id", 7), ("emitter_epoch", 2), ("idempotency_key", -1)):
        yield f"{field}: branch or symbol {value}", record(good, {field: number(value)}), NO_SYMBOL
    yield "source: LONG_MAX", record(good, {"source": number(LONG_MAX)}), "more than 32 bits"


def numbers(good):
    yield "redactions below zero", record(good, {"redactions": number(-1)}), "negative"
    yield "redactions of 33 bits", record(good, {"redactions": number(1 << 32)}), "more than 32 bits"
    yield "a time in the year 10000", record(good, {"received_at_us": number(253402300800000000)}), "outside the years"
    yield "a time of LONG_MIN", record(good, {"received_at_us": number(LONG_MIN)}), "outside the years"
    yield "a body of -1 bytes", record(good, body_bytes=-1), "negative"
    yield "a body said to have 2 GB", record(good, body_bytes=(1 << 31) - 1), "too large"
    yield "a body shorter than said", record(good, body_bytes=len(good) + 1), "not the body's length"


def arrays(good):
    yield "LONG_MAX gaps", record(good, {"gaps": number(LONG_MAX)}), "more than 64"
    yield "LONG_MIN gaps", record(good, {"gaps": number(LONG_MIN) + number(0)}), "more than 64"
    yield "50 million gaps of nothing", record(good, {"gaps": number(50_000_000) + number(0)}), "more than 64"
    yield "65 gaps", record(good, {"gaps": number(65) + (number(1) + number(1) + text(b"")) * 65 + number(0)}), "more than 64"
    yield "blocks of one gap for ever", record(good, {"gaps": (number(1) + number(1) + number(1) + text(b"")) * 100}), "more than 64"


def texts(good):
    for what, wrong in (("no UTF-8", b"\xff\xfe"), ("overlong", b"\xc0\x80"), ("a surrogate", b"\xed\xa0\x80")):
        for field in ("format", "principal", "emitter_id", "idempotency_key"):
            branch = number(1) if field != "format" else b""
            yield f"{field}: {what}", record(good, {field: branch + text(wrong)}), "is not UTF-8"
    yield "an empty format", record(good, {"format": text(b"")}), "empty"
    yield "another format", record(good, {"format": text(b"nobody's")}), "nobody knows the format"


def cuts(good):
    whole = record(good)
    at = len(EVENT_2_HEADER)
    for field, wire in fields(good).items():
        yield f"cut before {field}", whole[:at], "ends too early"
        at += len(wire)
    yield "cut before the last byte", whole[:-1], "longer than the record"
    yield "a byte too many", whole + b"\x00", "bytes follow"


def framings(good):
    whole = record(good)
    yield "nothing", b"", "neither Avro"
    yield "a zero", b"\x00", "neither Avro"
    yield "half a magic", b"\xc3", "neither Avro"
    yield "a magic alone", b"\xc3\x01", "neither Avro"
    yield "JSON as it is", good + b"\n", "neither Avro"
    yield "a fingerprint nobody released", b"\xc3\x01" + bytes(8) + whole[10:], "nobody released"
    yield "a registry's id", b"\x00\x00\x00\x00\x07" + whole[10:], "schema registry"
    yield "the first version's head on the second", event_record(good)[:10] + whole[10:], ""


def frames(good):
    long = good[:-1] + b',"more":"' + b"abc" * 300 + b'"}'
    frame = packed(long)
    for fill in (b" ", b"[", b'{"a":', b'"x",'):
        yield f"a kilobyte that becomes 32 MiB of {fill.decode()}", record(
            packed((fill * (32 * MIB // len(fill) + 1))[: 32 * MIB]), codec=1, body_bytes=32 * MIB), "256 times"
    yield "no frame", record(b"\x28\xb5\x2f\xfd and more", codec=1, body_bytes=20), "not one zstd frame"
    yield "a skippable frame", record(b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd", codec=1, body_bytes=4), "not one zstd frame"
    yield "two frames", record(frame + frame, codec=1, body_bytes=2 * len(long)), "not one zstd frame"
    yield "a frame that is cut", record(frame[:-4], codec=1, body_bytes=len(long)), "not one zstd frame"
    yield "a frame of another length", record(frame, codec=1, body_bytes=len(long) - 1), "not what the zstd frame holds"
    yield "a frame that promises 16 MiB", record(
        bytes.fromhex("28b52ffde0000000010000000000"), codec=1, body_bytes=16 * MIB), "256 times"
    words = zstandard.ZstdCompressionDict(b"metaops" * 100, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    for what, wrong in (
        ("a frame whose checksum is wrong", packed(long, write_checksum=True)[:-1] + b"\x00"),
        ("a frame without its dictionary", zstandard.ZstdCompressor(dict_data=words).compress(b"metaops" * 60 + long)),
    ):
        yield what, record(wrong, codec=1, body_bytes=len(long) + ("dictionary" in what) * 420), "damaged"


def bodies(tag):
    """No events; the tag makes those of one way others than those of another."""
    event = {"eventTime": TIME, "job": {"namespace": "hostile", "name": tag}}
    mark = json.dumps(tag).encode()

    def changed(**fields):
        return json.dumps({**event, **fields}).encode()

    yield "blanks", b" " * len(tag), ""
    yield "an object without end", b'{"a":' + mark, ""
    yield "a text alone", mark, ""
    yield "an array", b"[" + mark + b"]", ""
    yield "two objects", changed() + b"{}", ""
    yield "a NUL behind it", changed() + b"\x00", ""
    yield "no UTF-8", b'{"a":"\xff","b":' + mark + b"}", ""
    yield "UTF-16", changed().decode().encode("utf-16"), ""
    yield "a control byte in a text", b'{"a":"\x01","b":' + mark + b"}", ""
    yield "130 levels", b"[" * 130 + mark + b"]" * 130, ""
    yield "ten thousand levels without end", b"[" * 10000 + mark, ""
    yield "a number that is none", b'{"a":1e,"b":' + mark + b"}", ""
    yield "no time", json.dumps({"job": event["job"]}).encode(), "eventTime"
    yield "a time that is none", changed(eventTime="yesterday"), "eventTime"
    yield "a time that is a number of 400 digits", changed(eventTime=10**400), "eventTime"
    yield "no job", json.dumps({"eventTime": TIME, "producer": tag}).encode(), ""
    yield "a job that is an array", changed(job=[tag]), "job"
    yield "an empty name", changed(job={"namespace": tag, "name": ""}), "name"
    yield "a name that is a number", changed(job={"namespace": tag, "name": 1}), "name"


def noise(rng, head, count):
    for each in range(count):
        yield f"random bytes {each} behind {head.hex() or 'nothing'}", head + rng.randbytes(rng.randrange(20, 2000)), ""


def avro(good, rng):
    """All that belongs on the topic of events, and one fault each."""
    for kind in (lengths, indexes, numbers, arrays, texts, cuts, framings, frames):
        yield from kind(good)
    for what, body, word in bodies("avro"):
        yield f"body: {what}", record(body), word
    yield from noise(rng, b"", 8)
    yield from noise(rng, EVENT_2_HEADER, 8)


def plain(good, rng):
    """The same for a topic of plain JSON."""
    for what, body, word in bodies("plain"):
        yield f"plain: {what}", body, word
    yield "plain: a record of Avro", record(good), ""
    for what, value, word in noise(rng, b"", 4):
        yield f"plain: {what}", value, word
    for what, value, word in noise(rng, b'{"eventTime":"', 4):
        yield f"plain: {what}", value, word
