"""What the tests of this folder share: SQL through psql, checks that go on, ids for names."""

import hashlib
import json
import subprocess
import sys

_failures = 0
_checks = 0


def sql(text):
    """Runs a script; the output of its last queries as lines."""
    done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1"], input=text, text=True,
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"psql: {done.stderr.strip()[:2000]}")
    return done.stdout.splitlines()


def rows(query):
    """Rows of one query as dicts, in its order."""
    lines = sql(f"select coalesce(json_agg(r), '[]')::text from ({query}) r;")
    return json.loads("\n".join(lines))


def literal(value):
    return "null" if value is None else "'" + str(value).replace("'", "''") + "'"


def uid(*parts):
    return hashlib.md5("\0".join(map(str, parts)).encode()).hexdigest()


def copy_text(table, columns, records):
    """COPY of records; None is null."""
    def field(value):
        if value is None:
            return "\\N"
        return str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
    body = "".join("\t".join(map(field, record)) + "\n" for record in records)
    return f"copy {table} ({columns}) from stdin;\n{body}\\.\n"


def check(what, actual, expected):
    global _checks, _failures
    _checks += 1
    if actual == expected:
        return
    _failures += 1
    print(f"NOT ok: {what}\n  expected: {str(expected)[:1500]}\n  actual:   {str(actual)[:1500]}")


def end(done):
    print(f"{done}: {_checks} checks, {_failures} failed")
    sys.exit(1 if _failures else 0)
