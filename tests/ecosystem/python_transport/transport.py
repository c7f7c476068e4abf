"""Our OpenLineage transport in the real client for Python, with a gateway that is there, killed and frozen:
emits never wait longer than their bound nor raise, a program that forks for each event or is killed loses
nothing, and what waits in the spool is shipped by the next program. Configured by one variable beside
OPENLINEAGE_URL and OPENLINEAGE_API_KEY; also from a wheel that carries the library."""

import http.server
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from checks import check, end
from own_pipeline import LIMIT_S, PROGRAM, ROOT, Pipeline, wait_until

HERE = pathlib.Path(__file__).parent
TYPE = "metaops_openlineage.MetaOpsTransport"
# flush_ms is 150; the rest is the machine's, which may be busy now and then, but not at most of the emits.
EMIT_S_MAX = 0.75
# Interpreter, imports, emits, and 500 ms for the last answer: far less than what a request to a dead gateway may take.
PROGRAM_S_MAX = 30.0


def library():
    named = os.environ.get("METAOPS_EMIT_LIBRARY")
    found = named or next(pathlib.Path(PROGRAM).parent.rglob("libmetaops_emit.so.1"), None)
    if not found:
        print("not run: libmetaops_emit.so.1 is not built")
        raise SystemExit(77)
    return str(found)


def environment(spool, **more):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OPENLINEAGE", "METAOPS_"))}
    return {
        **clean,
        "OPENLINEAGE__TRANSPORT__TYPE": TYPE,
        "METAOPS_EMIT_LIBRARY": library(),
        "METAOPS_EMIT_SPOOL": str(spool),
        **more,
    }


def run_client(env, namespace, count, how=""):
    """-> exit code, what it printed, its log, seconds"""
    start = time.monotonic()
    words = [sys.executable, HERE / "client.py", namespace, str(count), *([how] if how else [])]
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=LIMIT_S)
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr, time.monotonic() - start


def jobs_of(numbers):
    return sorted((f"step.{number}", kind, 1) for number in numbers for kind in ("COMPLETE", "START"))


def arrived(pipe, namespace, numbers):
    """The namespace's events as (job, type, count), once as many as expected are there or time is up."""
    expected = jobs_of(numbers)
    deadline = time.monotonic() + LIMIT_S
    while True:
        rows = pipe.query(
            "select job_name, event_type, count(*)::int from metaops.events where job_namespace = %s"
            " group by 1, 2 order by 1, 2",
            namespace,
        )
        if sorted(rows) == expected or time.monotonic() > deadline:
            return sorted(rows)
        time.sleep(0.1)


def judge_client(what, result, code=0):
    check(f"{what}: the program ends as it would", code, result[0])
    if result[0] != code:
        print(result[2])
        return
    check(f"{what}: our transport was in use", "MetaOpsTransport", result[1].get("transport"))
    most = statistics.median_low(result[1]["seconds"])
    check(f"{what}: emits do not wait longer than their bound ({most:.3f} s, the longest {max(result[1]['seconds']):.3f} s)",
          True, most < EMIT_S_MAX)
    check(f"{what}: nor does the program ({result[3]:.1f} s)", True, result[3] < PROGRAM_S_MAX)


def with_gateway(pipe, gateway, spool):
    env = environment(spool, OPENLINEAGE_URL=gateway.url)
    judge_client("gateway up", run_client(env, "up", 5))
    check("gateway up: every event once", jobs_of(range(5)), arrived(pipe, "up", range(5)))
    check("gateway up: the spool is empty", [], list(pathlib.Path(spool).glob("*")))

    judge_client("forks", run_client(env, "forks", 8, "forks"))
    numbers = range(8 + 6)
    check("forks: every event once", jobs_of(numbers), arrived(pipe, "forks", numbers))


def without_gateway(pipe, gateway, spool):
    env = environment(spool, OPENLINEAGE_URL=gateway.url)
    gateway.kill()
    judge_client("gateway killed", run_client(env, "down", 5))
    judge_client("gateway killed, forks", run_client(env, "down-forks", 4, "forks"))
    judge_client("gateway killed, then the program", run_client(env, "down-kill", 3, "kill"), -signal.SIGKILL)
    gateway.start()
    wait_until("the gateway is back", lambda: is_up(gateway))
    after = []

    def next_program_ships():
        after.append(f"after-{len(after)}")
        judge_client("the next program", run_client(env, after[-1], 1))
        return pipe.value("select count(*) from metaops.events where job_namespace like 'down%%'")

    left = wait_until("a next program ships what others left, in its last half second", next_program_ships)
    print(f"{left} events shipped by {len(after)} next programs")
    drain(env, spool)
    later = [(namespace, range(1)) for namespace in after]
    for namespace, numbers in (("down", range(5)), ("down-forks", range(10)), ("down-kill", range(3)), *later):
        check(f"{namespace}: every event once", jobs_of(numbers), arrived(pipe, namespace, numbers))


def frozen_gateway(pipe, gateway, spool):
    env = environment(spool, OPENLINEAGE_URL=gateway.url)
    gateway.process.send_signal(signal.SIGSTOP)
    judge_client("gateway frozen", run_client(env, "frozen", 5))
    gateway.process.send_signal(signal.SIGCONT)
    drain(env, spool)
    check("frozen: every event once", jobs_of(range(5)), arrived(pipe, "frozen", range(5)))


def is_up(gateway):
    try:
        with urllib.request.urlopen(f"{gateway.admin_url}/readyz", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def drain(env, spool):
    """What programs that are gone have left is shipped by the command that is there for it."""
    subprocess.run([PROGRAM, "emit", "--spool", spool, "--to", env["OPENLINEAGE_URL"]], env=env, timeout=LIMIT_S, check=True)


class Ear(http.server.BaseHTTPRequestHandler):
    heard = []

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        Ear.heard.append((self.path, self.headers.get("Authorization")))
        self.send_response(201)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *words):
        pass


def settings_are_honoured():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    nested = {"type": TYPE, "url": url, "auth": {"type": "api_key", "apiKey": "nested-key"}}
    for what, key, more in (
        ("OPENLINEAGE_API_KEY", "plain-key", {"OPENLINEAGE_URL": url, "OPENLINEAGE_API_KEY": "plain-key"}),
        ("auth of the transport", "nested-key", {"OPENLINEAGE__TRANSPORT": json.dumps(nested)}),
    ):
        Ear.heard.clear()
        with tempfile.TemporaryDirectory() as spool:
            result = run_client(environment(spool, **more), "keys", 1)
        judge_client(what, result)
        check(f"{what}: sent as bearer", {f"Bearer {key}"}, {bearer for _, bearer in Ear.heard})
        check(f"{what}: is in no log", False, key in result[2])
    server.shutdown()


def nothing_is_raised():
    url = {"OPENLINEAGE_URL": "http://127.0.0.1:9"}
    for what, more in (
        ("no library", {**url, "METAOPS_EMIT_LIBRARY": "/nowhere/libmetaops_emit.so.1"}),
        ("no such setting", {**url, "OPENLINEAGE__TRANSPORT__NO_SUCH_SETTING": "1"}),
        ("a number that is none", {**url, "OPENLINEAGE__TRANSPORT__FLUSH_MS": "soon"}),
        ("no spool to write", {**url, "METAOPS_EMIT_SPOOL": "/proc/none"}),
        ("no URL", {"OPENLINEAGE_URL": "not a url"}),
    ):
        code, said, log, _ = run_client(environment("/unused", **more), "wrong", 1)
        check(f"{what}: the program goes on", (0, 2), (code, len(said.get("seconds", []))))
        check(f"{what}: it is told with each event", 2, log.count("an event is lost"))


def from_a_wheel(pipe, gateway, folder):
    made = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, source(folder)],
        env={**os.environ, "METAOPS_EMIT_BUNDLE": library()},
        capture_output=True,
        text=True,
    )
    check("a wheel is made", (0, ""), (made.returncode, made.stdout + made.stderr))
    wheel = next(pathlib.Path(folder).glob("*.whl"))
    check("it is for this platform and every Python 3", True, wheel.name.startswith("metaops_openlineage-0.1.0-py3-none-linux_"))
    site = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", f"{folder}/site", wheel]
    subprocess.run(site, check=True, capture_output=True)
    env = environment(pathlib.Path(folder, "spool"), OPENLINEAGE_URL=gateway.url, PYTHONPATH=f"{folder}/site")
    del env["METAOPS_EMIT_LIBRARY"]
    judge_client("the wheel alone", run_client(env, "wheel", 1))
    check("the wheel alone: every event once", jobs_of(range(1)), arrived(pipe, "wheel", range(1)))


def source(folder):
    """A copy: pip builds beside the sources."""
    copy = pathlib.Path(folder, "source")
    shutil.copytree(ROOT / "ingest/python", copy, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    return str(copy)


library()
with Pipeline("python-transport", 3) as pipe, tempfile.TemporaryDirectory() as folder:
    gateway = pipe.gateway()
    pipe.worker()
    pipe.wait_ready()
    with_gateway(pipe, gateway, f"{folder}/spool")
    without_gateway(pipe, gateway, f"{folder}/spool")
    frozen_gateway(pipe, gateway, f"{folder}/spool")
    from_a_wheel(pipe, gateway, f"{folder}/wheel")
settings_are_honoured()
nothing_is_raised()
end()
