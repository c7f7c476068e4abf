"""`metaops status`: lag in records and seconds before, during and after a worker's work; throughput; what is wrong as
lines and as exit code; stores that are away; the live view on a terminal of its own, ended by q and by Ctrl-C."""

import json
import os
import pty
import re
import select
import subprocess
import threading
import time

from checks import check, end
from own_pipeline import LIMIT_S, PROGRAM, Pipeline, free_port, role_dsn, wait_until


def event(number):
    return json.dumps({
        "eventTime": "2026-03-01T10:00:00Z", "run": {"runId": f"0190a0a0-0000-7000-8000-{number:012x}"},
        "job": {"namespace": "status", "name": f"job-{number % 50}"},
    }).encode()


def environment(pipe, roles, settings):
    admin = {f"METAOPS_{'INGEST' if role.name == 'gateway' else 'WORKER'}_ADMIN_LISTEN":
             role.admin_url.removeprefix("http://") for role in roles}
    nobody = f"127.0.0.1:{free_port()}"
    return {**pipe.environment, "METAOPS_INGEST_ADMIN_LISTEN": nobody, "METAOPS_WORKER_ADMIN_LISTEN": nobody,
            "METAOPS_POSTGRES_CONNINFO": role_dsn("reader", pipe.database), "TERM": "xterm", **admin, **settings}


def status(pipe, *words, roles=(), **settings):
    done = subprocess.run([PROGRAM, "status", *words], env=environment(pipe, roles, settings), capture_output=True,
                          timeout=LIMIT_S)
    return done.returncode, done.stdout.decode()


def asked(pipe, *words, roles=(), **settings):
    code, text = status(pipe, "--json", *words, roles=roles, **settings)
    return code, json.loads(text)


def live(pipe, roles, ending):
    """Everything a terminal saw, and the exit code: about three seconds, then the key."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(PROGRAM, [PROGRAM, "status"], environment(pipe, roles, {}))
    seen, stop, sent = b"", time.monotonic() + LIMIT_S, False
    while time.monotonic() < stop:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                seen += os.read(fd, 65536)
            except OSError:
                break
        if seen.count(b"\x1b[H") >= 3 and not sent:
            os.write(fd, ending)
            sent = True
    os.close(fd)
    return seen.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def throughput_is_seen(pipe, roles):
    """A look may fall between two portions, so they come until both ways were seen."""
    is_over = threading.Event()

    def load():
        number = 1000
        while not is_over.is_set():
            pipe.emit([event(number + i) for i in range(50)])
            number += 50

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for way in ("in_per_s", "stored_per_s"):
            rate = wait_until(f"{way} is seen", lambda way=way: asked(pipe, roles=roles)[1][way])
            print(f"{way}: {rate}", flush=True)
    finally:
        is_over.set()
        thread.join()


def main():
    with Pipeline("status", 3) as pipe:
        begin = time.monotonic()
        pipe.emit([event(number) for number in range(300)])
        emitted = time.monotonic()
        time.sleep(2)
        old = time.monotonic() - emitted
        code, said = asked(pipe)
        check("before any worker: all is behind", (0, 300, 0), (code, said["lag_records"], said["troubles"]))
        check("by the age of the first record", True, old - 0.1 < said["lag_seconds"] < time.monotonic() - begin + 0.1)
        check("roles that are not there are not trouble", (False, False), (
            said["gateway"]["reached"], said["worker"]["reached"]))
        code, text = status(pipe, "--lag-seconds", "1")
        check("more lag than allowed is", (1, True), (code, "TROUBLE" in text and "more than 1" in text))

        roles = [pipe.worker(), pipe.gateway()]
        pipe.wait_ready()
        pipe.wait_stored()
        code, said = asked(pipe, "-v", roles=roles)
        check("behind no more", (0, 0, 0), (code, said["lag_records"], said["lag_seconds"]))
        check("the worker says what it did", (True, 300, 0), (
            said["worker"]["ready"], said["worker"]["landed"], said["worker"]["dead_letters"]))
        own = {p["partition"]: p["stored"] for p in said["partitions"] if p["topic"] == pipe.topic}
        check("each partition stands at its end", pipe.ends(), own)

        check("nothing comes in: no throughput", (0, 0), (said["in_per_s"], said["stored_per_s"]))
        throughput_is_seen(pipe, roles)
        pipe.produce(pipe.topic, [(0, None, b"no record")])
        wait_until("the worker says so", lambda: asked(pipe, roles=roles)[1]["worker"]["dead_letters"])
        pipe.wait_stored()
        code, said = asked(pipe, roles=roles)
        check("a dead letter is counted, and is no trouble", (0, 1, 1, 1), (
            code, said["dead_letters"], said["dead_letters_last_hour"], said["worker"]["dead_letters"]))

        for ending, name in ((b"q", "q"), (b"\x03", "Ctrl-C")):
            seen, code = live(pipe, roles, ending)
            check(f"live: drawn again in place, {name} ends it", (0, True), (code, seen.count("\x1b[H") >= 3))
            check("live: the terminal is given back, the last look stays", True, re.search(
                r"\x1b\[\?25h\x1b\[\?1049l.*lag +\d+ records", seen, re.S) is not None)
        check("elsewhere: plain text", False, "\x1b" in status(pipe, roles=roles)[1])

        pipe.query("update graph.offsets set stopped_reason = e'cut \\x1b[2J' where topic = %s and partition = 1", pipe.topic)
        code, text = status(pipe, "-v")
        check("a stopped partition is trouble", (1, True, True), (
            code, f"{pipe.topic} partition 1 is stopped: cut" in text, "STOPPED" in text))
        check("its words steer no terminal", False, "\x1b" in text)
        pipe.query("update graph.offsets set stopped_reason = null")

        code, said = asked(pipe, METAOPS_KAFKA_BROKERS=f"127.0.0.1:{free_port()}")
        check("no Kafka: said, lag not known", (1, True, None), (code, said["kafka_fault"] != "", said["lag_records"]))
        code, said = asked(pipe, METAOPS_POSTGRES_CONNINFO=f"host=127.0.0.1 port={free_port()} password=never-shown")
        check("no PostgreSQL: said, lag not known", (1, True, None), (code, said["postgres_fault"] != "", said["lag_records"]))
        check("without its password", False, "never-shown" in json.dumps(said))
        check("a wrong flag", 2, status(pipe, "--lag-seconds", "x")[0])
        check("one without its value", 2, status(pipe, "--lag-seconds")[0])
    end()


main()
