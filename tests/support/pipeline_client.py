"""What tests of the whole pipeline need: post events, wait until they are stored, ask.

Only the standard library. The stack is the one that the environment names (compose/local env)."""
import hashlib
import http.client
import os
import random
import subprocess
import sys
import time
import urllib.parse

LIMIT_S = 120  # no measure of speed


def event_id(body):
    """The id of an event without secrets in it: the first half of SHA-256 of its text."""
    return hashlib.sha256(body).hexdigest()[:32]


def query(sql, header=False):
    """The lines of the answer: columns apart by |, null as NULL."""
    command = ["psql", "-Xq", "-A", "-P", "footer=off", "-P", "null=NULL", "-v", "ON_ERROR_STOP=1"]
    command += [] if header else ["-t"]
    environment = dict(os.environ, PGTZ="UTC", PGDATESTYLE="ISO", PGCLIENTENCODING="UTF8")
    done = subprocess.run(command + [os.environ["METAOPS_DSN"]], input=sql.encode(), env=environment,
                          capture_output=True, check=False)
    if done.returncode != 0:
        return ["ERROR: " + done.stderr.decode().strip()]
    return done.stdout.decode().split("\n")[:-1]


def post(bodies):
    """Posts one after the other; every one must be taken, sooner or later."""
    at = urllib.parse.urlsplit(os.environ["METAOPS_GATEWAY_URL"])
    client = http.client.HTTPConnection(at.hostname, at.port, timeout=LIMIT_S)
    until = time.monotonic() + LIMIT_S
    for body in bodies:
        while (answer := posted(client, body))[0] == 503 and time.monotonic() < until:
            time.sleep(0.1)
        if answer[0] != 201:
            sys.exit(f"{answer[0]} {answer[1].decode()} for {body[:300]!r}")
    client.close()


def posted(client, body):
    """(status, text)"""
    client.request("POST", "/api/v1/lineage", body, {"Content-Type": "application/json"})
    answer = client.getresponse()
    return answer.status, answer.read()


def wait_landed(bodies):
    """Until all of them can be seen with SQL."""
    missing = {event_id(body) for body in bodies}
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        wanted = ",".join(f"'{each}'" for each in missing)
        rows = query(f"select replace(event_id::text, '-', '') from metaops.events where event_id in ({wanted})")
        missing -= set(rows)
        if not missing:
            return
        time.sleep(0.1)
    lost = [body for body in bodies if event_id(body) in missing]
    letters = query("select stage, reason, json_pointer from metaops.dead_letters order by failed_at desc limit 5")
    sys.exit(f"{len(lost)} events have not landed, the first: {lost[0][:300]!r}; dead letters: {letters}")


def land(bodies):
    """Sends the events in three portions, shuffled, every fifth twice: the graph must not depend on it."""
    seed = int(os.environ.get("METAOPS_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
    dice = random.Random(seed)
    print(f"order of arrival: METAOPS_TEST_SEED={seed}")
    bodies = list(dict.fromkeys(bodies))
    dice.shuffle(bodies)
    portion = len(bodies) // 3 + 1
    for start in range(0, len(bodies), portion):
        some = bodies[start:start + portion]
        post(some)
        wait_landed(some)
        post(some[::5])


class Checks:
    """Says ok or NOT ok for each, and the end."""

    def __init__(self):
        self.failed = 0

    def table(self, what, expected, actual):
        if expected == actual:
            print(f"ok: {what}")
            return
        self.failed += 1
        print(f"NOT ok: {what}")
        for line in expected:
            print(f"  {' ' if line in actual else '-'} {line[:400]}")
        for line in actual:
            if line not in expected:
                print(f"  + {line[:400]}")
        if sorted(expected) == sorted(actual):
            print("  (another order)")

    def true(self, what, is_true):
        self.table(what, ["true"], ["true" if is_true else "false"])

    def end(self):
        print(f"{self.failed} failed")
        sys.exit(1 if self.failed else 0)
