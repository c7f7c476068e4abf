"""Secrets planted in every place of an event and by every way in (HTTP, batch, emit --kafka, JSON topic, Avro records
of others, dead letters) are found nowhere: not on the topics that MetaOps writes, not in any row of PostgreSQL, not in
a log. What only looks like a secret stays, the same event by two ways is one, and redactions counts the marks."""

import gzip
import hashlib
import json

import zstandard

from avro_records import event_record, read_body, read_event, read_letter
from checks import check, end
from own_pipeline import Pipeline, metric, post

MARK = "~metaops-redacted~"
TIME = "2026-03-01T10:00:00Z"
# By hand: how many stretches of the event below are secret.
SECRETS_IN_EVENT = 17
GHP = "ghp_" + "Ab1" * 12
PLAIN_COLUMNS = [{"name": "password", "type": "string"}, {"name": "token_count", "type": "int"}]
HARMLESS = "SELECT password, token FROM users WHERE password = 'x'"


def secret(way):
    return f"s3cr3t{way}9"


def event(way):
    """An event full of secrets, each of which holds secret(way) or a token of known shape."""
    s = secret(way)
    return {
        "eventTime": TIME,
        "eventType": "COMPLETE",
        "producer": f"https://user:{s}@producer.example/x",  # 1
        "run": {
            "runId": f"0190a0a0-0000-7000-8000-{int(hashlib.md5(way.encode()).hexdigest()[:11], 16):012x}",
            "facets": {
                "environmentVariables": {"environmentVariables": [
                    {"name": "PATH", "value": "/usr/bin"},
                    {"name": "SETTING", "value": s}]},  # 2
                "environment-properties": {"environment-properties": {"HOME": "/root", "X": s}},  # 3
                "spark_properties": {"properties": {
                    "spark.hadoop.fs.s3a.secret.key": s,  # 4
                    "spark.app.name": "app"}},
                "errorMessage": {
                    "message": f"cannot reach jdbc:postgresql://h/d?user=u&password={s}",  # 5
                    "programmingLanguage": "PYTHON",
                    "stackTrace": f"line 1\nhost=h user=u password={s} dbname=d\n"
                                  f"Authorization: Bearer {s}abcdefghijklmnop0\n"},  # 6, 7
                "spark.logicalPlan": {"plan": [{"options": {
                    "url": f"jdbc:sqlserver://h;user=u;password={s};x=1", "password": s}}]},  # 8, 9
                "airflow": {"task": {"env": {"DB_PASSWORD": s, "MASKED": "***"},  # 10
                                     "bash_command": f"PGPASSWORD={s} psql -h h"}},  # 11
                "externalQuery": {"externalQueryId": "q", "source": f"https://h/q?sig={s}"},  # 12
            },
        },
        "job": {
            "namespace": f"postgres://etl:{s}@db.example:5432",  # 13
            "name": f"job-{way}",
            "facets": {"sql": {"query": HARMLESS},
                       "documentation": {"description": f"use {GHP} here"}},  # 14
        },
        "inputs": [{
            "namespace": f"mysql://root:{s}@db:3306",  # 15
            "name": "shop.users",
            "facets": {"schema": {"fields": PLAIN_COLUMNS},
                       "symlinks": {"identifiers": [
                           {"namespace": f"redis://:{s}@cache", "name": "x", "type": "TABLE"}]}},  # 16
        }],
        "outputs": [{"namespace": "s3://bucket", "name": f"path?X-Amz-Signature={s}"}],  # 17
    }


def body_of(way, **changes):
    return json.dumps({**event(way), **changes}).encode()


def escaped(body, way):
    """The same JSON with every byte of the secret, and / @ :, as an escape."""
    for text in (secret(way), "/", "@"):
        body = body.replace(text.encode(), "".join(f"\\u{ord(c):04x}" for c in text).encode())
    return body


def decoded(value):
    return read_event(value), read_body(value)


def needles(ways):
    return [secret(way).encode() for way in ways] + [GHP.encode()]


def found(data, ways):
    return [needle for needle in needles(ways) if needle in data]


def dump(pipe):
    """Every row of every table as text, binary columns decoded, and every body."""
    parts = []
    for schema, table in pipe.query(
        "select schemaname, tablename from pg_tables where schemaname in ('graph', 'metaops')"
    ):
        for (row,) in pipe.query(f'select t::text from {schema}."{table}" t'):
            parts.append(row.encode())
    parts += [row for (row,) in pipe.query("select value from graph.dead_letters")]
    parts += [row.encode() for (row,) in pipe.query("select metaops.event_body(event_id) from metaops.events")]
    parts += [row.encode() for (row,) in pipe.query("select content::text from graph.facets")]
    return b"\n".join(parts)


def by_our_own_ways(pipe, gateway):
    url = f"{gateway.url}/api/v1/lineage"
    for way, body, headers in (
        ("http", body_of("http"), {}),
        ("gzip", gzip.compress(body_of("gzip")), {"Content-Encoding": "gzip"}),
        ("escapes", escaped(body_of("escapes"), "escapes"), {}),
    ):
        check(f"{way}: taken", 201, post(url, body, **headers)[0])
    lines = b"[" + b", ".join(body_of(way) for way in ("batch1", "batch2")) + b"]"
    check("batch: taken", 201, post(f"{url}/batch", lines)[0])
    pipe.emit([body_of("emit")])
    ways = ["http", "gzip", "escapes", "batch1", "batch2", "emit"]
    pipe.wait_stored()
    records = [decoded(value) for _, _, _, value in pipe.records(pipe.topic)]
    check("a record each", len(ways), len(records))
    check("no secret on the topic", [], found(b"\n".join(body for _, body in records), ways))
    check("each record counts its marks", [SECRETS_IN_EVENT] * len(ways), [r["redactions"] for r, _ in records])
    check("as the body has them", [SECRETS_IN_EVENT] * len(ways), [b.count(MARK.encode()) for _, b in records])
    check("the gateway counts", 5 * SECRETS_IN_EVENT,
          int(metric(gateway.admin_url, "metaops_gateway_redactions_total")))
    return ways


def by_others(pipe, topic):
    """Straight to Kafka, secrets and all: the worker takes them out."""
    pipe.produce(topic, [(0, None, body_of("json"))])
    packed = zstandard.ZstdCompressor().compress(body_of("zstd"))
    pipe.produce(pipe.topic, [
        (0, None, event_record(body_of("avro"))),
        (1, None, event_record(packed, version=2, body_codec="ZSTD", body_bytes=len(body_of("zstd")))),
        # The same event as one that came by HTTP.
        (2, None, event_record(body_of("http"))),
    ])
    return ["json", "avro", "zstd"]


def dead_letters(pipe, topic):
    bad = body_of("letter1", eventTime="never")
    packed = zstandard.ZstdCompressor().compress(bad.replace(b"letter1", b"letter2"))
    pipe.produce(topic, [
        (0, None, body_of("cut")[:-5]),
        (0, None, b"\xff\xfe " + body_of("bytes")),
        (0, None, bad),
    ])
    pipe.produce(pipe.topic, [
        (0, None, event_record(packed, body_codec="ZSTD", body_bytes=len(bad))),
        (1, None, event_record(body_of("format"), format="nobody's")),
        (2, None, b"no record: postgres://u:" + secret("raw").encode() + b"@h"),
        (0, None, event_record(body_of("lie"), body_bytes=5)),
    ])
    return ["letter1", "letter2", "cut", "bytes", "format", "raw", "lie"]


def check_letters(pipe, ways):
    rows = pipe.query("select letter_id, event_id, stage, value from graph.dead_letters")
    check("a letter each", 7, len(rows))
    check("on the topic, too", sorted(bytes(value) for *_, value in rows),
          sorted(read_letter(value)["value"] for _, _, _, value in pipe.records(pipe.dead_topic)))
    for number, event_id, stage, value in rows:
        value = bytes(value)
        body = decoded(value)[1] if value.startswith(b"\xc3\x01\x53") else value
        check(f"{stage}: no secret in {value[:30]!r}", [], found(body, ways))
        check(f"{stage}: what is left says so", True, MARK.encode() in body)
        identity = body if event_id else value
        check(f"{stage}: the id is the digest of what is kept", hashlib.sha256(identity).digest()[:16], number.bytes)
        check(f"{stage}: an event id is the letter's", True, event_id in (None, number))


def main():
    with Pipeline("redaction", 3) as pipe:
        topic = f"{pipe.name}.openlineage"
        pipe.make_topic(topic, 1)
        gateway = pipe.gateway()
        worker = pipe.worker(METAOPS_INGEST_OPENLINEAGE_TOPICS=topic)
        pipe.wait_ready()
        ways = by_our_own_ways(pipe, gateway)
        check("nothing was left for the worker", 0, int(metric(worker.admin_url, "metaops_worker_redactions_total")))
        ways += by_others(pipe, topic)
        letters = dead_letters(pipe, topic)
        pipe.wait_stored()
        pipe.wait_stored(topic=topic)
        check("events, each once", len(ways), pipe.value("select count(*) from metaops.events"))
        check("redactions of each", [(SECRETS_IN_EVENT, len(ways))],
              pipe.query("select redactions, count(*) from metaops.events group by 1"))
        check("ids are those of the stored bodies", [], pipe.broken_bodies())
        check("names of jobs", [(f"postgres://etl:{MARK}@db.example:5432", len(ways))],
              pipe.query("select namespace, count(*) from metaops.jobs group by 1"))
        check("one input for all", [(f"mysql://root:{MARK}@db:3306", "shop.users")],
              pipe.query("select namespace, name from metaops.datasets where name = 'shop.users' and confirmed"))
        check("columns stay", ["password", "token_count"],
              [n for (n,) in pipe.query("select field from metaops.dataset_fields where name = 'shop.users' order by 1")])
        bodies = [b for (b,) in pipe.query("select metaops.event_body(event_id) from metaops.events")]
        check("SQL stays", True, all(HARMLESS in body for body in bodies))
        check("listed variables and masks stay", True,
              all('"/usr/bin"' in b and '"***"' in b and '"/root"' in b for b in bodies if "\\u002f" not in b))
        check_letters(pipe, letters)
        check("no secret in PostgreSQL", [], found(dump(pipe), ways + letters))
        logs = b"".join((pipe.folder / f"{role.name}.log").read_bytes() for role in pipe.roles)
        check("no secret in a log", [], found(logs, ways + letters))
    end()


main()
