"""audit_store - what tests of the audit chain share: events of every kind in a store, `metaops audit verify`, and copies
of the store in which its owner may do anything."""

import contextlib
import json
import re
import subprocess

from checks import check
from own_pipeline import PROGRAM, database_dsn, query


def made(number, job="load"):
    return json.dumps({
        "eventTime": f"2026-11-20T10:00:00.{number:06}Z", "eventType": "COMPLETE", "producer": "p",
        "run": {"runId": f"0190a0a0-0000-7000-8000-{number:012x}"}, "job": {"namespace": "audit", "name": job},
    }).encode()


def verify(pipe, *words, dsn=None):
    """-> exit code, faults, other lines and what went wrong"""
    done = subprocess.run(
        [PROGRAM, "audit", "verify", *map(str, words)], capture_output=True, timeout=120,
        env={**pipe.environment, "METAOPS_POSTGRES_CONNINFO": dsn or pipe.dsn},
    )
    lines = done.stdout.decode().splitlines() + done.stderr.decode().splitlines()
    faults = [line[7:] for line in lines if line.startswith("FAULT")]
    return done.returncode, faults, [line for line in lines if not line.startswith("FAULT")]


def is_whole(pipe, what, *words, dsn=None):
    code, faults, lines = verify(pipe, *words, dsn=dsn)
    check(what, (0, []), (code, faults))
    if code:
        print("\n".join(lines))
    return lines


@contextlib.contextmanager
def copy_of(pipe):
    """The dsn of a copy of the store, for one deed."""
    name = f"{pipe.database}_copy"
    query(database_dsn("postgres"), f"create database {name} template {pipe.database}")
    try:
        yield database_dsn(name)
    finally:
        query(database_dsn("postgres"), f"drop database {name}")


def names(what, expected, code, faults):
    """Exactly these faults, as regular expressions, the first one first."""
    matched = [bool(re.fullmatch(pattern, fault)) for pattern, fault in zip(expected, faults)]
    is_good = len(faults) == len(expected) and all(matched)
    check(f"{what}: named", (1, True), (code, is_good))
    if not is_good:
        print("\n".join(f"  told: {fault}" for fault in faults))


def tampered(pipe, what, deed, *expected, words=()):
    with copy_of(pipe) as dsn:
        query(dsn, deed)
        code, faults, _ = verify(pipe, *words, dsn=dsn)
    names(what, expected, code, faults)


def one(pipe, statement):
    return pipe.query(statement)[0]
