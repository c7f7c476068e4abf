"""Keys are made, used, held to their namespaces, limits and time, revoked; whoever was refused can be
seen with SQL. The gateway demands keys here. At the end no secret is to be found anywhere."""

import datetime
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request

from authority import Authority
from checks import check, end
from own_pipeline import LIMIT_S, PROGRAM, Pipeline, metric, post, wait_until

CLIENT_PYTHON = os.environ["CLIENT_PYTHON"]


def event(namespace, name):
    return json.dumps(
        {
            "eventTime": "2026-03-01T10:00:00Z",
            "job": {"namespace": namespace, "name": name},
            "inputs": [{"namespace": "s3://others", "name": "orders"}],
        }
    ).encode()


class Keys:
    def __init__(self, pipe):
        self.pipe = pipe
        self.secrets = []

    def command(self, *words):
        return subprocess.run(
            [PROGRAM, "keys", *words], env=self.pipe.environment, capture_output=True, text=True, timeout=LIMIT_S
        )

    def add(self, *words):
        done = self.command("add", *words)
        assert done.returncode == 0, done.stderr
        key = done.stdout.strip()
        self.secrets.append(key)
        return key, done.stderr

    def list(self):
        return [json.loads(line) for line in self.command("list", "--json").stdout.splitlines()]


def key_id(key):
    return key.split("_")[1]


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def test_making(keys):
    key, told = keys.add("airflow prod", "--namespace", "shop*", "--namespace", "s3://raw", "--expires", "90d")
    check("a key has its shape", True, bool(re.fullmatch(r"mo_[0-9a-f]{16}_[0-9a-f]{64}", key)))
    check("what it may do is told beside it", True, "shop*, s3://raw" in told and key_id(key) in told)
    check("the secret is not in what is told", False, key.split("_")[2] in told)
    row = keys.list()[0]
    check(
        "it is listed without its secret",
        (key_id(key), "active", "airflow prod", ["shop*", "s3://raw"]),
        (row["id"], row["state"], row["name"], row["namespaces"]),
    )
    for words in (["revoke", key], ["add"], ["add", "x", "--rate", "none"], ["revoke", "0" * 15]):
        done = keys.command(*words)
        check(f"keys {words[0]} with wrong words is refused", 2, done.returncode)
        check("and repeats no key", False, "mo_" in done.stderr + done.stdout)
    done = keys.command("revoke", "0" * 16)
    check("a key that is not there cannot be revoked", (1, True), (done.returncode, "there is no key" in done.stderr))
    return key


def status(gateway, body, key=None, path="/api/v1/lineage"):
    answer, headers, text = post(gateway.url + path, body, **(bearer(key) if key else {}))
    return answer, headers, text


def wait_known(gateway, key):
    wait_until("the key is known", lambda: status(gateway, event("shop", "first"), key)[0] == 201)


def test_sending(keys, gateway, key):
    wait_known(gateway, key)
    check("a key opens its namespace", 201, status(gateway, event("shop.eu", "load"), key)[0])
    answer, _, text = status(gateway, event("other", "load"), key)
    check("and no other", (403, "Forbidden"), (answer, text["title"]))
    answer, headers, text = status(gateway, event("shop", "load"))
    check("without a key", (401, "Bearer"), (answer, headers["WWW-Authenticate"]))
    answer, headers, text = status(gateway, event("shop", "load"), key[:-1] + ("0" if key[-1] != "0" else "1"))
    check("with another secret", (401, "Bearer"), (answer, headers["WWW-Authenticate"]))
    check("the answer shows nothing of it", False, "mo_" in json.dumps(text))
    answer, _, text = status(
        gateway, b"[" + event("shop", "b1") + b"," + event("x", "b2") + b"]", key, "/api/v1/lineage/batch"
    )
    check("each event of a batch is judged", [201, 403], [each["status"] for each in text["results"]])


def test_client(keys, gateway, key):
    def emit(namespace, api_key):
        done = subprocess.run(
            [CLIENT_PYTHON, "tests/integration/keys/client.py", gateway.url, namespace],
            env={**os.environ, "OPENLINEAGE_API_KEY": api_key},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
        return done.stdout.strip().splitlines()[-1]

    check("OpenLineage's client sends its api_key", "taken", emit("shop", key))
    check("and is told when it is wrong", "HTTPError 401", emit("shop", "nobody's"))
    lines = event("shop", "by-emit") + b"\n"
    keys.pipe.run("emit", "--quiet", "--to", gateway.url, "-", stdin=lines, OPENLINEAGE_API_KEY=key)
    file = keys.pipe.folder / "key"
    file.write_text(key + "\n")
    keys.pipe.run("emit", "--quiet", "--to", gateway.url, "-", stdin=lines, METAOPS_EMIT_API_KEY_FILE=str(file))
    file.unlink()
    check("metaops emit does, too", 0, keys.pipe.dead_letters())


def test_limits(keys, gateway):
    slow, _ = keys.add("slow", "--rate", "1/s", "--burst", "2")
    few, _ = keys.add("few", "--quota-events", "3/day")
    wait_known(gateway, few)
    answers = [status(gateway, event("shop", f"slow-{i}"), slow) for i in range(2)]
    while len(answers) < 60 and answers[-1][0] == 201:  # some more on a machine that is as slow
        answers.append(status(gateway, event("shop", f"slow-{len(answers)}"), slow))
    check("a rate lets its burst pass", [201, 201, 429], [answer[0] for answer in answers[:2] + answers[-1:]])
    check("and says when to come again", True, 1 <= int(answers[-1][1]["Retry-After"]) <= 10)
    wait_until("then it goes on", lambda: status(gateway, event("shop", "slow-again"), slow)[0] == 201)
    codes = [status(gateway, event("shop", f"few-{i}"), few)[0] for i in range(4)]
    check("a quota ends the day", [201, 201, 429, 429], codes)


def test_certificate(pipe):
    """Who shows a certificate needs no key, and is called by the name in it."""
    authority = Authority(pipe.folder)
    authority.issue("localhost", "DNS:localhost,IP:127.0.0.1")
    authority.issue("loader", "URI:spiffe://shop/loader")
    gateway = pipe.gateway(
        METAOPS_INGEST_TLS_CERTIFICATE_FILE=str(pipe.folder / "localhost.pem"),
        METAOPS_INGEST_TLS_KEY_FILE=str(pipe.folder / "localhost.key"),
        METAOPS_INGEST_TLS_CLIENT_CA_FILE=str(pipe.folder / "ca.pem"),
    )
    pipe.wait_ready()

    def send(name):
        request = urllib.request.Request(
            gateway.url.replace("http:", "https:") + "/api/v1/lineage", data=event("any", f"by-{name}")
        )
        try:
            return urllib.request.urlopen(request, context=authority.context(name), timeout=LIMIT_S).status
        except urllib.error.HTTPError as refused:
            return refused.code

    check("a certificate opens the door", 201, send("loader"))
    check("TLS alone does not", 401, send(None))
    gateway.stop()
    pipe.roles.remove(gateway)
    gateway.log.close()


def test_ends(keys, gateway):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=8)
    short, _ = keys.add("short", "--expires", at.isoformat())
    gone, _ = keys.add("gone")
    wait_known(gateway, gone)
    done = keys.command("revoke", key_id(gone))
    begin = time.monotonic()
    check("revoked", 0, done.returncode)
    wait_until("the gateway knows it", lambda: status(gateway, event("shop", "gone"), gone)[0] == 401)
    took = time.monotonic() - begin
    print(f"a revocation took effect {took * 1000:.0f} ms after the command had ended")
    check("said so", "this API key was revoked", status(gateway, event("shop", "gone"), gone)[2]["detail"])
    done = keys.command("revoke", key_id(gone))
    check("revoking twice is no harm", (0, True), (done.returncode, "already" in done.stdout))
    return short, gone


def test_sql(keys, pipe, key, gone):
    wait_until(
        "the reports are stored",
        lambda: pipe.query("select 1 from metaops.refusals where key_id = %s and reason = 'revoked'", key_id(gone)),
    )
    pipe.wait_stored()
    pipe.wait_stored(topic=pipe.keys_topic)
    check(
        "the sender of an event is its principal",
        [(key_id(key),)],
        pipe.query("select distinct principal from metaops.events where job_name in ('b1', 'by-client', 'by-emit')"),
    )
    check(
        "and part of the evidence",
        key_id(key),
        pipe.value("select principal from metaops.evidence('shop.eu', 'load', 's3://others', 'orders')"),
    )
    check(
        "a certificate's name is a principal, too",
        "cert:spiffe://shop/loader",
        pipe.value("select principal from metaops.events where job_name = 'by-loader'"),
    )
    check(
        "keys as analysts see them",
        ("airflow prod", ["shop*", "s3://raw"], "active", None, True),
        pipe.query(
            "select name, namespaces, state, revoked_at, expires_at - created_at = '90 days' "
            "from metaops.api_keys where id = %s",
            key_id(key),
        )[0],
    )
    check(
        "a revoked one",
        ("revoked", True, True),
        pipe.query(
            "select state, revoked_at > created_at, revoked_by like '%%@%%' from metaops.api_keys where id = %s",
            key_id(gone),
        )[0],
    )
    check(
        "its changes",
        [("added",), ("revoked",)],
        pipe.query("select change from metaops.key_changes where key_id = %s order by changed_at", key_id(gone)),
    )
    rows = pipe.query(
        "select key_id, status, reason, count from metaops.refusals "
        "where key_id in (%s, 'anonymous') order by key_id",
        key_id(key),
    )
    check(
        "refusals of the key and of strangers",
        sorted([(key_id(key), 403, "namespace", 2), ("anonymous", 401, "missing", 2)]),
        rows,
    )
    check(
        "limits",
        [("events_per_day", 429, True), ("rate", 429, True)],
        pipe.query(
            "select reason, status, count > 0 from metaops.refusals where status = 429 order by reason"
        ),
    )
    check("control events are no lineage events", 0, pipe.value("select count(*) from metaops.events where kind is null"))
    check("and no dead letters", 0, pipe.value("select count(*) from metaops.dead_letters"))
    check(
        "every record of the topic of keys counts once",
        pipe.value("select count(*) from metaops.key_changes"),
        len(pipe.records(pipe.keys_topic)),
    )


def test_restart(keys, pipe, gateway, key, gone):
    """All over again from the topic: a gateway that starts knows what one that ran knows; a worker that reads
    everything a second time changes nothing."""
    counted = "select * from metaops.refusals where status in (403, 429) order by key_id, reason"
    before = pipe.query(counted)
    gateway.kill()
    gateway.start()
    wait_until("the new gateway answers", lambda: is_up(gateway))
    check("the key is good at once", 201, status(gateway, event("shop", "again"), key)[0])
    check("the revoked one is not", 401, status(gateway, event("shop", "again"), gone)[0])
    pipe.query("update graph.offsets set next_offset = -1, last_id = null")
    pipe.roles[0].kill()
    pipe.roles[0].start()
    pipe.wait_stored()
    pipe.wait_stored(topic=pipe.keys_topic)
    check("reports count once", before, pipe.query(counted))


def is_up(gateway):
    try:
        return status(gateway, event("shop", "up"))[0] == 401 and metric(gateway.admin_url, "metaops_gateway_keys_known") == 1
    except OSError:
        return False


def test_secrets(keys, pipe, gateway):
    places = {role.name: role.words(1 << 24) for role in pipe.roles}
    for topic in (pipe.topic, pipe.keys_topic):
        places[topic] = " ".join(repr(record) for record in pipe.records(topic))
    places["database"] = " ".join(
        str(pipe.query(f"select * from {table}"))
        for table in ("graph.key_changes", "graph.refusals", "metaops.api_keys", "graph.dead_letters")
    )
    places["processes"] = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True).stdout
    secrets = [key.split("_")[2] for key in keys.secrets]
    found = [place for place, text in places.items() for secret in secrets if secret in text]
    check("no secret in logs, topics, database or on command lines", [], found)
    check("nor its hash in the database", False, "sha256" in places["database"])


def main():
    settings = {"METAOPS_INGEST_AUTH": "required", "METAOPS_INGEST_REFUSALS_INTERVAL_MS": "500"}
    with Pipeline("keys", 3, settings) as pipe:
        pipe.dead_letters = lambda: pipe.value("select count(*) from metaops.dead_letters")
        keys = Keys(pipe)
        pipe.worker()
        gateway = pipe.gateway()
        pipe.wait_ready()
        key = test_making(keys)
        test_sending(keys, gateway, key)
        test_client(keys, gateway, key)
        test_limits(keys, gateway)
        test_certificate(pipe)
        short, gone = test_ends(keys, gateway)
        test_sql(keys, pipe, key, gone)
        test_restart(keys, pipe, gateway, key, gone)
        wait_until("the short one has expired", lambda: "expired" in str(status(gateway, event("shop", "short"), short)[2]))
        check("an expired key is told so", 401, status(gateway, event("shop", "short"), short)[0])
        test_secrets(keys, pipe, gateway)
    end()


main()
