"""3 partitions become 12 while a client posts and two workers store: the new partitions are found without
a restart and read from their first record, every event lands once, and the graph is the one of a
topic that had 12 partitions from the start."""

import json
import subprocess
import time

from checks import check, end
from own_pipeline import PROGRAM, Pipeline, wait_until

POSTED = 6500  # at 250 a second 26 s: clients learn of new partitions each 10 s, or 20
RATE = 250


def events(begin, count):
    """START and COMPLETE of runs of 150 jobs, each reading what another writes."""
    for number in range(begin, begin + count):
        run, job = number // 2, number // 2 % 150
        yield json.dumps({
            "eventTime": f"2026-03-{1 + run % 28:02}T{run % 24:02}:{'10' if number % 2 else '00'}:00Z",
            "eventType": "COMPLETE" if number % 2 else "START",
            "run": {"runId": f"0190a0a0-0000-7000-8000-{run:012x}"},
            "job": {"namespace": "partitions", "name": f"job-{job}"},
            "inputs": [{"namespace": "partitions", "name": f"table-{job}"}],
            "outputs": [{"namespace": "partitions", "name": f"table-{(job * 7 + 1) % 150}"}],
        }).encode()


def grow(posted, straight):
    with Pipeline("partitions", 3) as pipe:
        gateway = pipe.gateway()
        workers = [pipe.worker(1), pipe.worker(2)]
        pipe.wait_ready()
        file = pipe.folder / "posted.jsonl"
        file.write_bytes(b"\n".join(posted) + b"\n")
        load = subprocess.Popen(
            [PROGRAM, "emit", "--to", gateway.url, "--rate", str(RATE), "--quiet", file],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=pipe.environment)
        time.sleep(2)
        check("the load runs", None, load.poll())
        pipe.run("migrate", "--kafka", METAOPS_KAFKA_PARTITIONS="12")
        check("there are 12 partitions", 12, len(pipe.ends()))
        wait_until("a new partition is stored while the load runs", lambda: any(
            number >= 3 and offset > 0 for number, offset in pipe.stored().items()), 40)
        check("while the load runs", None, load.poll())
        words = load.stdout.read().decode()
        check("every event was taken", 0, load.wait(60))
        print(words)
        pipe.emit(straight)
        pipe.wait_stored()
        check("every new partition has records", True, all(pipe.ends().values()))
        check("and is stored to its end", pipe.ends(), pipe.stored())
        check("every event once", len(posted) + len(straight), pipe.value("select count(*) from metaops.events"))
        check("no dead letters", 0, pipe.value("select count(*) from metaops.dead_letters"))
        check("the workers live", [True, True], [worker.runs() for worker in workers])
        return pipe.checksum()


def twelve(lines):
    with Pipeline("partitions-12", 12) as pipe:
        pipe.worker()
        pipe.emit(lines)
        pipe.wait_stored()
        return pipe.checksum()


def main():
    posted, straight = list(events(0, POSTED)), list(events(POSTED, 600))
    check("the graph is that of 12 from the start", twelve(posted + straight), grow(posted, straight))
    end()


main()
