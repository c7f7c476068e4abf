"""places - where something could come out again."""

import http.client
import pathlib
import subprocess

import psycopg
import zstandard

from checks import check
from own_pipeline import LIMIT_S, role_dsn


def process(planted, role):
    for what in ("cmdline", "environ"):
        planted.heard(f"{what} of {role.name}", pathlib.Path(f"/proc/{role.process.pid}/{what}").read_bytes())


def command_lines(planted):
    planted.heard("command lines", subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, check=True).stdout)


def topic(planted, pipe, name, read=None):
    """As its records stand and, with read, their bodies unpacked."""
    for _, _, key, value in pipe.records(name):
        planted.heard(f"topic {name}", (key or b"") + b" " + (value or b""))
        if read:
            planted.heard(f"topic {name}", unpacked(read(value)))


def unpacked(record):
    if record.get("body_codec") == "ZSTD":
        return zstandard.ZstdDecompressor().decompress(record["body"], max_output_size=record["body_bytes"])
    return str(record)


def admin(planted, role, token):
    host, _, port = role.admin_url.removeprefix("http://").partition(":")
    for path in ("/metrics", "/healthz", "/readyz", "/", f"/?token={token}"):
        for headers in ({}, {"Authorization": f"Bearer {token}"}, {"Authorization": f"Bearer {token}x"}):
            client = http.client.HTTPConnection(host, int(port), timeout=LIMIT_S)
            client.request("GET", path, headers=headers)
            answer = client.getresponse()
            planted.heard(f"admin pages of {role.name}", str(answer.headers).encode() + answer.read())
            client.close()


def store(planted, pipe):
    """Every relation that the reader may select, and every row of the base tables as the owner sees them."""
    for who, dsn in (("the reader", role_dsn("reader", pipe.database)), ("the owner", pipe.dsn)):
        with psycopg.connect(dsn, autocommit=True) as connection:
            names = connection.execute(
                "select format('%I.%I', schemaname, name) from (select schemaname, tablename as name from pg_tables "
                "union select schemaname, viewname from pg_views) as every "
                "where schemaname in ('graph', 'metaops') and has_table_privilege(format('%I.%I', schemaname, name), 'select')"
            ).fetchall()
            check(f"{who} sees more than ten relations", True, len(names) > 10)
            for (name,) in names:
                planted.heard(f"PostgreSQL as {who} sees it", b"\n".join(
                    row.encode() for (row,) in connection.execute(f"select t::text from {name} as t")))
            planted.heard(f"bodies as {who} sees them", b"\n".join(
                row.encode() for (row,) in connection.execute("select metaops.event_body(event_id) from metaops.events")))
    planted.heard("values of dead letters", b"\n".join(bytes(v) for (v,) in pipe.query("select value from graph.dead_letters")))
