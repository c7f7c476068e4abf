"""3 partitions become 12 while a client posts and two workers store: the new partitions are found without
a restart and read from their first record, every event lands once, and the graph is the one of a
topic that had 12 partitions from the start."""

import itertools
import json
import threading
import time

from checks import check, end
from own_pipeline import Pipeline, post, wait_until

PAUSE_S = 0.004
STRAIGHT = 600


def events(begin):
    """START and COMPLETE of runs of 150 jobs, each reading what another writes; without end."""
    for number in itertools.count(begin):
        run, job = number // 2, number // 2 % 150
        yield json.dumps({
            "eventTime": f"2026-03-{1 + run % 28:02}T{run % 24:02}:{'10' if number % 2 else '00'}:00Z",
            "eventType": "COMPLETE" if number % 2 else "START",
            "run": {"runId": f"0190a0a0-0000-7000-8000-{run:012x}"},
            "job": {"namespace": "partitions", "name": f"job-{job}"},
            "inputs": [{"namespace": "partitions", "name": f"table-{job}"}],
            "outputs": [{"namespace": "partitions", "name": f"table-{(job * 7 + 1) % 150}"}],
        }).encode()


class Load(threading.Thread):
    """Posts until it is told to stop."""

    def __init__(self, gateway):
        super().__init__(daemon=True)
        self.url = f"{gateway.url}/api/v1/lineage"
        self.is_over = threading.Event()
        self.posted, self.answers = [], set()

    def run(self):
        for body in events(0):
            self.answers.add(post(self.url, body)[0])
            self.posted.append(body)
            if self.is_over.wait(PAUSE_S):
                break

    def stop(self):
        self.is_over.set()
        self.join()


def grow():
    """-> checksum of the graph, and the events that made it"""
    with Pipeline("partitions", 3) as pipe:
        gateway = pipe.gateway()
        workers = [pipe.worker(1), pipe.worker(2)]
        pipe.wait_ready()
        load = Load(gateway)
        load.start()
        wait_until("events are stored", lambda: any(offset > 10 for offset in pipe.stored().values()))
        pipe.run("migrate", "--kafka", METAOPS_KAFKA_PARTITIONS="12")
        check("there are 12 partitions", 12, len(pipe.ends()))
        begin = time.monotonic()
        wait_until("a new partition is stored while the load runs", lambda: any(
            number >= 3 and offset > 0 for number, offset in pipe.stored().items()))
        print(f"a new partition is stored after {time.monotonic() - begin:.1f} s", flush=True)
        load.stop()
        check("every event was taken", {201}, load.answers)
        straight = list(itertools.islice(events(len(load.posted)), STRAIGHT))
        pipe.emit(straight)
        pipe.wait_stored()
        check("every new partition has records", True, all(pipe.ends().values()))
        check("and is stored to its end", pipe.ends(), pipe.stored())
        check("every event once", len(load.posted) + STRAIGHT, pipe.value("select count(*) from metaops.events"))
        check("no dead letters", 0, pipe.value("select count(*) from metaops.dead_letters"))
        check("the workers live", [True, True], [worker.runs() for worker in workers])
        return pipe.checksum(), load.posted + straight


def twelve(lines):
    with Pipeline("partitions-12", 12) as pipe:
        pipe.worker()
        pipe.emit(lines)
        pipe.wait_stored()
        return pipe.checksum()


def main():
    grown, lines = grow()
    check("the graph is that of 12 from the start", twelve(lines), grown)
    end()


main()
