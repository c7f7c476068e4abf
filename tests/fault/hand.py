"""hand - what strikes a pipeline under load: a gateway and two workers of the test, PostgreSQL and the broker of the
stack. Faults of one target do not go together; those of several may."""

import os
import pathlib
import signal
import subprocess
import time

from checks import check
from own_pipeline import HURRIED, ROOT, query, role_dsn


class Hand:
    def __init__(self, pipe, rng):
        self.pipe = pipe
        self.rng = rng
        self.gateway = pipe.gateway(**HURRIED)
        self.workers = [pipe.worker(1), pipe.worker(2)]

    def kill_gateway(self):
        self.gateway.kill()
        self.gateway.start()

    def kill_worker(self):
        worker = self.rng.choice(self.workers)
        worker.kill()
        time.sleep(self.rng.choice([0, 0, 1]))
        worker.start()

    def kill_both_workers(self):
        for worker in self.workers:
            worker.kill()
        for worker in self.workers:
            worker.start()

    def stop_worker(self):
        worker = self.rng.choice(self.workers)
        check("a worker ends in good order", 0, worker.stop())
        worker.start()

    def freeze_worker(self):
        """Longer than its session: another one takes its partitions, then it wakes up as a zombie."""
        worker = self.rng.choice(self.workers)
        worker.process.send_signal(signal.SIGSTOP)
        time.sleep(8)
        worker.process.send_signal(signal.SIGCONT)

    def end_connections(self):
        query(role_dsn("writer", self.pipe.database), "select pg_terminate_backend(pid) from pg_stat_activity"
              " where datname = %s and application_name like 'metaops%%'", self.pipe.database)

    def hold_lock(self):
        """Long enough that lanes fill up and are paused."""
        self.pipe.query("begin; lock table graph.event_ids in access exclusive mode; select pg_sleep(3); commit")

    def stop_postgres(self):
        self.end_process("postgres", signal.SIGQUIT)

    def kill_broker(self):
        self.end_process("kafka", signal.SIGKILL)

    def freeze_broker(self):
        broker = self.process_of("kafka")
        os.kill(broker, signal.SIGSTOP)
        time.sleep(5)
        os.kill(broker, signal.SIGCONT)

    @staticmethod
    def process_of(name):
        return int(pathlib.Path(os.environ["METAOPS_LOCAL_DIR"], "run", f"{name}.pid").read_text().split()[0])

    def end_process(self, name, how):
        os.kill(self.process_of(name), how)
        time.sleep(self.rng.choice([0.5, 2]))
        subprocess.run([ROOT / "compose/local", "up"], check=True, stdout=subprocess.DEVNULL)

    def all_live(self, name):
        for role in [self.gateway, *self.workers]:
            check(f"{role.name} lives before {name}", True, role.runs())

    def strike(self, name):
        start = time.monotonic()
        getattr(self, name)()
        print(f"{name} took {time.monotonic() - start:.1f} s", flush=True)

    def act(self, name):
        self.all_live(name)
        self.strike(name)


FAULTS = ["kill_gateway", "kill_worker", "kill_both_workers", "stop_worker", "freeze_worker",
          "end_connections", "hold_lock", "stop_postgres", "kill_broker"]  # fmt: skip
