"""Laps of load, each on a store of its own, in which a seeded hand strikes one to three targets at a time: a gateway,
workers, PostgreSQL, the broker. Beside them a gateway and a worker go on untouched: what is resident of them is
sampled, and their descriptors, their threads and PostgreSQL's sessions are back where they were when the lap is over.
Each lap ends with the ledger compared with the store.

What strikes is repeatable by the seed, when exactly is not.

METAOPS_SOAK_HOURS (default 0.08), METAOPS_SEED (default: of the clock, printed)."""

import collections
import os
import pathlib
import random
import threading
import time
import traceback

from checks import check, end
from hand import Hand
from ledger import Ledger, compare
from load import garbage, start_clients, stop_clients
from own_pipeline import Pipeline, wait_until

TARGETS = {
    "gateway": ["kill_gateway"],
    "workers": ["kill_worker", "kill_both_workers", "stop_worker", "freeze_worker"],
    "database": ["end_connections", "hold_lock", "stop_postgres"],
    "broker": ["kill_broker", "freeze_broker"],
}
SETTINGS = {"METAOPS_WORKER_SESSION_TIMEOUT_MS": "6000", "METAOPS_WORKER_LANES": "2"}
LAP_S_MIN, LAP_S_MAX = 60, 1800
SAMPLE_S = 2
SLOPE_S_MIN = 600
SPARE = 3  # descriptors and threads that may come and go
SESSIONS_MAX = 3 * (2 + 1)  # workers, and each its lanes and one for positions


class Untouched:
    """A role that nobody strikes."""

    def __init__(self, role):
        self.role = role
        self.samples = []  # (second, MiB resident)
        self.base = None

    def now(self):
        """(descriptors, threads)"""
        process = pathlib.Path(f"/proc/{self.role.process.pid}")
        return len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))

    def sample(self, second):
        pages = int(pathlib.Path(f"/proc/{self.role.process.pid}/statm").read_text().split()[1])
        self.samples.append((second, pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)))

    def slope(self):
        """MiB an hour, over the second half of the lap: the first one fills caches."""
        half = self.samples[len(self.samples) // 2:]
        if half[-1][0] < SLOPE_S_MIN:
            return "too short for a slope"
        mean_x = sum(x for x, _ in half) / len(half)
        mean_y = sum(y for _, y in half) / len(half)
        spread = sum((x - mean_x) ** 2 for x, _ in half)
        return f"{3600 * sum((x - mean_x) * (y - mean_y) for x, y in half) / spread:+.1f} an hour"

    def settled(self):
        """Whether it is back where it was."""
        return all(now <= base + SPARE for now, base in zip(self.now(), self.base))

    def inventory(self):
        """What its threads are called and its descriptors are, with how many there are of each."""
        process = pathlib.Path(f"/proc/{self.role.process.pid}")
        names = [(task / "comm").read_text().strip() for task in (process / "task").iterdir()]
        kinds = [os.readlink(fd).split(":")[0] for fd in (process / "fd").iterdir()]
        return f"{dict(collections.Counter(names))}, {dict(collections.Counter(kinds))}"


class Lap:
    def __init__(self, pipe, seed, seconds):
        self.pipe = pipe
        self.rng = random.Random(seed)
        self.seed = seed
        self.seconds = seconds
        self.ledger = Ledger(pipe.folder / "ledger")
        self.hand = Hand(pipe, random.Random(seed))
        self.untouched = [Untouched(pipe.gateway("gateway-untouched")), Untouched(pipe.worker(3))]
        self.struck = collections.Counter()
        self.is_over = threading.Event()

    def sessions(self):
        return self.pipe.value("select count(*) from pg_stat_activity where datname = current_database()"
                               " and application_name like 'metaops%%'")

    def act(self, name):
        try:
            self.hand.strike(name)
        except Exception:  # noqa: BLE001  a fault that could not be done is a failure of the soak
            check(f"{name} can be done", "", traceback.format_exc())

    def strike(self):
        chosen = [self.rng.choice(TARGETS[target]) for target in self.rng.sample(sorted(TARGETS), self.rng.randint(1, 3))]
        self.struck.update(chosen)
        self.hand.all_live(" and ".join(chosen))
        threads = [threading.Thread(target=self.act, args=(name,)) for name in chosen]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def sample(self):
        begun = time.monotonic()
        while not self.is_over.wait(SAMPLE_S):
            for each in self.untouched:
                each.sample(time.monotonic() - begun)

    def load(self):
        doors = [self.hand.gateway, self.untouched[0].role]
        return [client for number, door in enumerate(doors) for client in start_clients(
            2, self.seed, door.url.removeprefix("http://"), self.ledger, pause_s=0.02, has_edges=True,
            has_large_edges=number == 0, first=2 * number)]

    def warm_up(self):
        """What a worker opens when it has to look back at a topic for the first time stays open."""
        wait_until("events are taken", lambda: len(self.ledger.of("acked")) > 100)
        self.pipe.wait_stored()
        self.hand.end_connections()
        taken = len(self.ledger.of("acked"))
        wait_until("events are taken", lambda: len(self.ledger.of("acked")) > taken + 100)
        self.pipe.wait_stored()
        for each in self.untouched:
            each.base = each.now()

    def run(self):
        self.pipe.wait_ready()
        clients = self.load()
        self.warm_up()
        sampler = threading.Thread(target=self.sample)
        sampler.start()
        end_at = time.monotonic() + self.seconds
        while time.monotonic() < end_at:
            time.sleep(self.rng.uniform(1, 6))
            self.strike()
            self.pipe.wait_ready()
            garbage(self.rng, self.pipe, self.ledger, 3)
        stop_clients(clients)
        self.is_over.set()
        sampler.join()
        self.pipe.wait_ready()
        self.pipe.wait_stored(300)
        check("good is taken and bad is refused", [], [each for client in clients for each in client.wrong])
        compare(self.pipe, self.ledger)
        self.resources()
        for role in self.pipe.roles:
            check(f"I8 {role.name} lives", True, role.runs())
        self.ledger.close()

    def resources(self):
        for each in self.untouched:
            end_at = time.monotonic() + 60
            while not each.settled() and time.monotonic() < end_at:
                time.sleep(1)
            if not each.settled():
                print(f"{each.role.name}: {each.inventory()}")
            check(f"I7 {each.role.name} is back at {each.base} descriptors and threads", True, each.settled())
            resident = [mib for _, mib in each.samples]
            print(f"{each.role.name}: {resident[0]:.0f} MiB resident at first, {resident[-1]:.0f} at last, {each.slope()};"
                  f" descriptors and threads {each.base} before, {each.now()} after", flush=True)
        check("I7 no more sessions than workers have", True, self.sessions() <= SESSIONS_MAX)


def main():
    total_s = 3600 * float(os.environ.get("METAOPS_SOAK_HOURS", "0.08"))
    seed = int(os.environ.get("METAOPS_SEED") or time.time())
    print(f"seed {seed}", flush=True)
    lap_s = min(LAP_S_MAX, max(LAP_S_MIN, total_s / 3))
    end_at = time.monotonic() + total_s
    struck, sent, laps = collections.Counter(), 0, 0
    while time.monotonic() < end_at:
        laps += 1
        print(f"lap {laps}, seed {seed + laps}", flush=True)
        with Pipeline("soak", 6, SETTINGS) as pipe:
            lap = Lap(pipe, seed + laps, min(lap_s, end_at - time.monotonic()))
            lap.run()
        struck += lap.struck
        sent += len(lap.ledger.outcomes)
    print(f"{laps} laps, {sent} events, {sum(struck.values())} faults: "
          + ", ".join(f"{count} {name}" for name, count in sorted(struck.items())))
    end()


main()
