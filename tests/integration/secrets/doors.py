"""doors - every way by which something comes in, with secrets in it. Each function gives the number of events that it landed."""

import gzip
import http.client
import json
import os
import subprocess
import sys

from checks import check
from own_pipeline import LIMIT_S, PROGRAM, wait_until
from planted import event

EMITTING = sys.argv[1]
DEBUG = {"METAOPS_LOG_LEVEL": "debug"}


def send(planted, role, path, body, **headers):
    """One request as it stands; whatever comes back is kept. The status."""
    host, _, port = role.url.removeprefix("http://").partition(":")
    client = http.client.HTTPConnection(host, int(port), timeout=LIMIT_S)
    client.request("POST", path, body, {"Content-Type": "application/json", **headers})
    answer = client.getresponse()
    planted.heard("answers of the gateway", str(answer.headers).encode() + answer.read())
    client.close()
    return answer.status


def new_key(planted, pipe):
    """A key that the gateway takes; its secret half may be found nowhere."""
    key = pipe.run("keys", "add", "everybody").decode().strip()
    planted.secrets["key"] = key.split("_")[2]
    return key


def by_http(planted, gateway, key):
    s = planted.secret
    lineage, bearer = "/api/v1/lineage", {"Authorization": f"Bearer {key}"}

    def post(door, body, path=lineage, expected=201, **headers):
        check(f"gateway, {door}: {expected}", expected, send(planted, gateway, path, body, **{**bearer, **headers}))

    def body(number, door):
        return json.dumps(event(number, s(door))).encode()

    # A new key is one within a second.
    wait_until("the key is known", lambda: send(planted, gateway, lineage, b"{}", **bearer) != 401)
    post("body", body(1, "http-body"))
    post("gzip", gzip.compress(body(2, "http-gzip")), **{"Content-Encoding": "gzip"})
    post("batch", b"[" + body(3, "batch-one") + b"," + body(4, "batch-two") + b"]", f"{lineage}/batch")
    post("query string", body(5, "query-body"), f"{lineage}?api_key={s('query')}&password={s('query-password')}")
    post("other headers", body(6, "headers-body"), **{
        "Cookie": f"session={s('cookie')}", "X-Api-Key": s("x-api-key"), "Idempotency-Key": "k-1",
        "User-Agent": f"client {s('user-agent')}", "Referer": f"http://u:{s('referer')}@h/"})
    post("a wrong key", b"{}", expected=401, Authorization=f"Bearer mo_0123456789abcdef_{s('wrong-key') * 3}")
    post("a key of no form", b"{}", expected=401, Authorization=f"Bearer {s('formless-key')}")
    post("another scheme", b"{}", expected=401, Authorization=f"Basic {s('basic')}")
    post("a path of its own", b"{}", f"/{s('path')}", 404)
    post("no JSON", f'{{"password": "{s("cut-string")}'.encode(), expected=400)
    post("no number", f'{{"password": {s("no-number")}}}'.encode(), expected=400)
    post("no time", json.dumps({**event(7, s("bad-body")), "eventTime": s("bad-time")}).encode(), expected=422)
    post("a name of the wrong type", json.dumps({"job": [s("wrong-type")]}).encode(), expected=422)
    post("bytes", b"\xff\xfe" + s("bytes").encode(), expected=400)
    post("no gzip", s("no-gzip").encode(), expected=400, **{"Content-Encoding": "gzip"})
    post("an encoding", b"{}", expected=415, **{"Content-Encoding": s("encoding")})
    post("a batch of bad ones", b"[" + json.dumps({"password": s("batch-bad")}).encode() + b', {"x": "'
         + s("batch-cut").encode(), f"{lineage}/batch", 400)
    return 6


def command(planted, pipe, *words, stdin=b"", **settings):
    """A command of the program; what it prints is kept. The exit code."""
    environment = {name: value for name, value in {**pipe.environment, **settings}.items() if value is not None}
    done = subprocess.run([PROGRAM, *words], env=environment, input=stdin, capture_output=True, timeout=LIMIT_S)
    planted.heard(f"words of metaops {words[0]}", done.stdout + done.stderr)
    return done.returncode


def by_emitters(planted, pipe, gateway, key):
    s = planted.secret
    folder = pipe.folder
    keyfile = folder / "key"
    keyfile.write_text(key)
    keyfile.chmod(0o600)
    with_key = {"METAOPS_EMIT_API_KEY_FILE": str(keyfile)}

    def line(number, door):
        return json.dumps(event(number, s(door))).encode() + b"\n"

    check("emit by HTTP", 0, command(
        planted, pipe, "emit", "--to", gateway.url, "-", stdin=line(10, "emit-http"), **with_key))
    check("emit straight to Kafka", 0, command(planted, pipe, "emit", "--kafka", "-", stdin=line(11, "emit-kafka")))
    check("emit with a wrong key", 1, command(
        planted, pipe, "emit", "--to", gateway.url, "-", stdin=line(12, "emit-refused"),
        METAOPS_EMIT_API_KEY=s("emit-key")))
    for number, url in enumerate((f"http://u:{s('emit-url')}@127.0.0.1:1", f"http://127.0.0.1:1/?token={s('emit-query')}")):
        command(planted, pipe, "emit", "--to", url, "-", stdin=line(13 + number, f"emit-lost-{number}"), **with_key)
        command(planted, pipe, "emit", "-", stdin=line(15 + number, f"emit-lost-env-{number}"), OPENLINEAGE_URL=url)
    check("a key with a line end", True, command(
        planted, pipe, "emit", "--to", gateway.url, "-", stdin=b"{}", METAOPS_EMIT_API_KEY=f"a\n{s('emit-split')}") != 0)
    spool = folder / "spool"
    command(planted, pipe, "emit", "--to", "http://127.0.0.1:1", "--spool", str(spool), "-",
            stdin=line(17, "emit-spool"), **with_key)
    for path in spool.rglob("*"):
        if path.is_file():
            planted.heard("the spool", path.read_bytes())
            check("the spool is its owner's alone", 0, path.stat().st_mode & 0o077)

    check("metaops run", 3, command(
        planted, pipe, "run", "--to", gateway.url, "--job", "shell/nightly", "--", "/bin/sh", "-c",
        f": --password={s('run-words')}; exit 3", **with_key))
    check("metaops run, nobody listens", 0, command(
        planted, pipe, "run", "--to", f"http://u:{s('run-url')}@127.0.0.1:1", "--job", "shell/nightly", "--", "true",
        METAOPS_EMIT_API_KEY=s("run-key")))
    by_library(planted, pipe, gateway, key, line(18, "library"))
    return 5  # two by emit, START and FAIL of run, one by the library


def by_library(planted, pipe, gateway, key, event_line):
    file = pipe.folder / "event.json"
    file.write_bytes(event_line)
    for what, config, expected in (
        ("the library", f"to = {gateway.url}\napi_key = {key}\n", 0),
        ("the library with a wrong setting", f"to = {gateway.url}\napi_key = a b {planted.secret('library-key')}\n", 1),
        ("the library with a wrong URL", f"to = http://u:{planted.secret('library-url')}@h:x\n", 1),
    ):
        done = subprocess.run([EMITTING, config, str(file), "1", "0", "120000", "library"], capture_output=True,
                              env={**pipe.environment, "LD_LIBRARY_PATH": os.environ["LD_LIBRARY_PATH"]}, timeout=LIMIT_S)
        planted.heard("words of the library", done.stdout + done.stderr)
        check(f"{what}: ends with {expected}", expected, done.returncode)


def by_kafka(planted, pipe, topic):
    s = planted.secret
    pipe.produce(topic, [
        (0, None, json.dumps(event(20, s("json-topic"))).encode()),
        (0, None, json.dumps(event(21, s("json-cut"))).encode()[:-3]),
        (0, None, json.dumps({**event(22, s("json-bad")), "eventTime": "never"}).encode()),
    ])
    pipe.produce(pipe.topic, [(0, None, b"postgres://u:" + s("no-record").encode() + b"@h/d")])
    return 1
