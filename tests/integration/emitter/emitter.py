"""libmetaops_emit and `metaops run` on the real pipeline: what emitting costs while the backend is up,
that an outage of the gateway and the death of the emitting program lose nothing and hold nobody up,
and that a wrapped command is as it would be alone."""

import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from checks import check, end
from own_pipeline import LIMIT_S, PROGRAM, ROOT, Pipeline, wait_until

EMITTING = sys.argv[1]
OUTAGE_S = 6 if os.environ.get("METAOPS_TEST_SHORT") else 60
COUNT = 20000
ENOUGH_S = 2
TRIES = 20
WORK = pathlib.Path(tempfile.mkdtemp(prefix="metaops-emitter-"))


def event_file():
    """The Spark event of median size."""
    lines = sorted((ROOT / "tests/data/spark.jsonl").read_bytes().splitlines(), key=len)
    path = WORK / "event.json"
    path.write_bytes(lines[len(lines) // 2])
    return path


def clean_environment():
    own = ("METAOPS_", "OPENLINEAGE_")
    return {k: v for k, v in os.environ.items() if not k.startswith(own)}


def emitting(to, spool, count, tag, rate=0, flush_ms=120000, more=""):
    config = f"to = {to}\nspool = {spool}\nretry_ms_max = 1000\n{more}"
    words = [EMITTING, config, event_file(), str(count), str(rate), str(flush_ms), tag]
    return subprocess.Popen(words, stdout=subprocess.PIPE, env=clean_environment(), text=True)


def has_emitted(process):
    """Waits until the caller has its program back, so to speak: every emit has returned."""
    return bool(select.select([process.stdout], [], [], LIMIT_S)[0]) and process.stdout.readline() == "emitted\n"


def answer(process):
    out, _ = process.communicate(timeout=2 * LIMIT_S)
    return json.loads(out.removeprefix("emitted\n"))


def events(pipe):
    return pipe.value("select count(*) from metaops.events")


def records(pipe):
    return sum(pipe.ends().values())


def costs(way, to, pipe):
    spool = WORK / f"spool-{way}"
    before = records(pipe)
    cost = answer(emitting(to, spool, COUNT, "cost"))
    print(
        f"{way}: {COUNT} events of {cost['event_bytes']} bytes in {cost['took_s']} s "
        f"({COUNT / cost['took_s']:.0f}/s delivered), {cost['cpu_us']} us of CPU an event in all threads "
        f"({1e6 / cost['cpu_us']:.0f}/s on one core), RSS {cost['rss_kb']} kB (peak {cost['peak_kb']}), "
        f"longest emit {cost['longest_ms']} ms, {cost['longest_cpu_ms']} ms of the caller's CPU",
        flush=True,
    )
    check(f"{way}: all emitted and delivered", (0, 0, COUNT), (cost["failed"], cost["flushed"], cost["delivered"]))
    check(f"{way}: less than 8 MB resident", True, cost["peak_kb"] < 8 * 1024)
    check(f"{way}: 10,000 emits/s on one core", True, cost["cpu_us"] <= 100)
    check(f"{way}: the spool is empty", [], os.listdir(spool))
    check(f"{way}: as many records as events", COUNT, records(pipe) - before)
    pipe.wait_stored()
    # By HTTP and by Kafka these are the same bytes, so the same events.
    check(f"{way}: every event is stored, once", COUNT, events(pipe))


def outage(pipe, gateway):
    """100 events/s; the gateway is killed meanwhile, and comes back when the last emit has returned."""
    before = events(pipe)
    count = 100 * (OUTAGE_S + 5)
    process = emitting(gateway.url, WORK / "spool-outage", count, "outage", rate=100)
    wait_until("some are delivered", lambda: events(pipe) > before)
    gateway.kill()
    time.sleep(OUTAGE_S)
    check("outage: nobody waited for the gateway", True, has_emitted(process))
    gateway.start()
    cost = answer(process)
    print(f"outage of {OUTAGE_S} s: longest emit {cost['longest_ms']} ms, RSS {cost['rss_kb']} kB", flush=True)
    check("outage: all emitted, all delivered", (0, 0, count), (cost["failed"], cost["flushed"], cost["delivered"]))
    pipe.wait_stored()
    check("outage: every event is stored, once", count, events(pipe) - before)


def killed(pipe, gateway):
    """The program dies while the gateway is away; somebody else ships what it left."""
    spool = WORK / "spool-killed"
    before = events(pipe)
    gateway.kill()
    process = emitting(gateway.url, spool, 100000, "killed", rate=500)
    wait_until("hundreds are in the spool", lambda: sum(file.stat().st_size for file in spool.glob("**/*")) > 1000000)
    process.send_signal(signal.SIGKILL)
    process.wait()
    gateway.start()
    pipe.wait_ready()
    done = subprocess.run(
        [PROGRAM, "emit", "--spool", spool, "--to", gateway.url, "--json"],
        capture_output=True, env=clean_environment(), timeout=LIMIT_S, text=True,
    )
    said = json.loads(done.stdout)
    check("killed: what it had emitted is shipped", (0, True), (done.returncode, said["delivered"] > 100))
    check("killed: nothing was damaged or refused", (0, 0), (said["dropped"], said["refused"]))
    check("killed: the spool is empty", [], os.listdir(spool))
    pipe.wait_stored()
    check("killed: as many are stored", said["delivered"], events(pipe) - before)


def gaps(pipe, gateway):
    """A spool too small for an outage: what had to go is a row of metaops.gaps."""
    gateway.kill()
    process = emitting(gateway.url, WORK / "spool-gaps", 2000, "gaps", rate=1000,
                       more="spool_bytes_max = 256KiB\nemitter = small\n")
    check("gaps: all is emitted while the gateway is away", True, has_emitted(process))
    gateway.start()
    cost = answer(process)
    lost = 2000 - cost["delivered"]
    check("gaps: some had to go, the rest arrived", (0, True), (cost["flushed"], lost > 0))
    pipe.wait_stored()
    check(
        "gaps: the view says which, and why",
        [("small", 1, lost, "spool full", None)],
        pipe.query("select emitter, from_seq, to_seq, reason, filled_at from metaops.gaps where emitter = 'small'"),
    )


def wrapped(*words, to="http://127.0.0.1:1", spool="spool-run", **more):
    """metaops run; the seconds it took, and the finished process"""
    start = time.monotonic()
    done = subprocess.run(
        [PROGRAM, "run", "--to", to, "--spool", WORK / spool, *words],
        capture_output=True, env={**clean_environment(), **more}, timeout=LIMIT_S, text=True,
    )
    return time.monotonic() - start, done


def quickest(*words):
    """Seconds of the best of some tries, which end as soon as one was quick enough: a machine may be busy."""
    took = []
    while len(took) < TRIES and min(took, default=ENOUGH_S) >= ENOUGH_S:
        took.append(wrapped(*words)[0])
    return min(took)


def commands():
    """Nobody listens: a command is as it would be alone."""
    job = ("--job", "cron/alone")
    for words, code in (
        (["sh", "-c", "exit 0"], 0),
        (["sh", "-c", "exit 77"], 77),
        (["sh", "-c", "kill -KILL $$"], -signal.SIGKILL),
        (["sh", "-c", "kill -SEGV $$"], -signal.SIGSEGV),
        (["no-such-command"], 127),
        (["/etc/passwd"], 126),
    ):
        check(f"run: {' '.join(words)} ends with {code}", code, wrapped(*job, "--", *words)[1].returncode)
    _, done = wrapped(*job, "--", "sh", "-c", "echo out; echo err >&2; test ! -t 0")
    check("run: the streams are the command's", ("out\n", "err\n"), (done.stdout, done.stderr))
    took = quickest(*job, "--wait", "0", "--", "true")
    check(f"run: nobody listening and --wait 0 cost little ({1e3 * took:.0f} ms)", True, took < ENOUGH_S)
    took = quickest(*job, "--", "true")
    check(f"run: by default about half a second ({took:.2f} s)", True, took < ENOUGH_S)
    check("run: without a job", 2, wrapped("--", "true")[1].returncode)
    check("run: a name that does not fit is not cut", 2,
          wrapped("--job", "cron/" + 512 * "j", "--", "true")[1].returncode)
    check("run: a dataset without a namespace", 2, wrapped(*job, "--in", "x", "--", "true")[1].returncode)
    process = subprocess.Popen(
        [PROGRAM, "run", "--to", "http://127.0.0.1:1", "--spool", WORK / "spool-run", *job, "--",
         "sh", "-c", "trap 'exit 9' TERM; echo up; sleep 1000 & wait"],
        stdout=subprocess.PIPE, env=clean_environment(), text=True,
    )
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    check("run: SIGTERM reaches the command", 9, process.wait(LIMIT_S))


def graph(pipe, gateway):
    """A run within a run, in the graph."""
    inner = [PROGRAM, "run", "--job", "cron/inner", "--in", "postgres://db:5432/shop.raw.orders",
             "--out", "file//data/out.csv", "--", "sh", "-c", "exit 4"]
    _, done = wrapped("--job", "cron/outer", "--wait", "5000", "--", *inner, to=gateway.url, spool="spool-graph",
                      METAOPS_EMIT_TO=gateway.url, METAOPS_EMIT_SPOOL=str(WORK / "spool-graph"))
    check("graph: the inner exit code comes out", 4, done.returncode)

    def landed():
        return pipe.value("select count(*) from metaops.runs where job_namespace = 'cron' and state = 'FAILED'") == 2

    wait_until("both runs are in the graph", landed)
    check(
        "graph: the run tree, with its reason",
        [("inner", "FAILED", "sh: exit code 4", "outer")],
        pipe.query(
            "select i.job_name, i.state, i.error_message, o.job_name from metaops.runs i "
            "join metaops.runs o on o.run_id = i.parent_run_id where i.job_namespace = 'cron'"
        ),
    )
    check(
        "graph: what it read and wrote",
        [("file", "/data/out.csv", "output"), ("postgres://db:5432", "shop.raw.orders", "input")],
        pipe.query(
            "select dataset_namespace, dataset_name, direction::text from metaops.edges "
            "where job_name = 'inner' order by 1"
        ),
    )


def make_certificates():
    """An authority, and a gateway's certificate for localhost but no other name."""

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=WORK, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *key, "-subj", "/CN=gateway", "-keyout", "gateway.key", "-out", "gateway.csr")
    (WORK / "ext").write_text("subjectAltName=DNS:localhost\n")
    openssl("x509", "-req", "-in", "gateway.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", "ext", "-out", "gateway.pem")


def secured(to, more, spool):
    """`metaops run` says on which terms it got through: its events are in the spool or not."""
    config = {f"METAOPS_EMIT_{key.upper()}": value for key, value in more.items()}
    wrapped("--job", f"secured/{spool}", "--wait", "3000", "--", "true", to=to, spool=spool, **config)
    return os.listdir(WORK / spool) == []


def doors(pipe):
    """TLS and keys: certificate and host name are checked, a key is shown."""
    make_certificates()
    gateway = pipe.gateway(
        METAOPS_INGEST_TLS_CERTIFICATE_FILE=str(WORK / "gateway.pem"),
        METAOPS_INGEST_TLS_KEY_FILE=str(WORK / "gateway.key"),
        METAOPS_INGEST_AUTH="required",
    )
    pipe.wait_ready()
    key = pipe.run("keys", "add", "emitter", "--namespace", "secured").decode().strip()
    (WORK / "key").write_text(key + "\n")
    port = gateway.url.rpartition(":")[2]
    named, unnamed = f"https://localhost:{port}", f"https://127.0.0.1:{port}"
    trusting = {"ca_file": str(WORK / "ca.pem"), "api_key_file": str(WORK / "key")}
    check("https: with certificate and key", True, secured(named, trusting, "whole"))
    check("https: an authority nobody knows", False, secured(named, {"api_key_file": str(WORK / "key")}, "no-ca"))
    check("https: a host the certificate does not name", False, secured(unnamed, trusting, "no-name"))
    check("https: without a key the events wait", False, secured(named, {"ca_file": str(WORK / "ca.pem")}, "no-key"))
    config = {f"METAOPS_EMIT_{name.upper()}": value for name, value in trusting.items()}
    done = subprocess.run(
        [PROGRAM, "emit", "--spool", WORK / "no-key", "--to", named],
        capture_output=True, env={**clean_environment(), **config}, timeout=LIMIT_S, text=True,
    )
    check("https: and go once there is one", (0, "2 delivered, 0 refused, 0 dropped\n"), (done.returncode, done.stdout))


def main():
    with Pipeline("emitter", partitions=3) as pipe:
        gateway = pipe.gateway()
        pipe.worker()
        pipe.wait_ready()
        costs("http", gateway.url, pipe)
        costs("kafka", f"kafka://{os.environ['METAOPS_KAFKA']}/{pipe.topic}", pipe)
        outage(pipe, gateway)
        killed(pipe, gateway)
        gaps(pipe, gateway)
        commands()
        graph(pipe, gateway)
        doors(pipe)


try:
    main()
finally:
    shutil.rmtree(WORK)
end()
