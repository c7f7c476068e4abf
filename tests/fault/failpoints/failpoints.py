"""Under load, a role is started armed with one of its failpoints and killed there, at the first visit and at
a later one; then it is started again. Each place has to be met, each role must serve again without
waiting for anything to run out, and at the end the ledger and the store agree exactly.

METAOPS_SEED (default 1); METAOPS_TEST_SHORT: each place once."""

import os
import random
import re
import time

from checks import check, end
from ledger import Ledger, compare
from load import garbage, start_clients, stop_clients
from own_pipeline import HURRIED, LIMIT_S, ROOT, Pipeline, metric, wait_until

# Who waits for the end of the session before him serves too late, on the slowest machine, too. The goal is 3 s; what it
# took is printed.
SESSION_S = 2 * LIMIT_S
SETTINGS = {"METAOPS_WORKER_SESSION_TIMEOUT_MS": str(int(SESSION_S * 1000)), "METAOPS_WORKER_BATCH_EVENTS_MAX": "40"}
# Met only when this worker goes.
ON_STOP = {"worker.revoke_begun", "worker.revoke_ended"}
ONCE_A_LIFE = ON_STOP | {"worker.assigned"}


def places():
    """Every FAILPOINT of the sources, by the role that meets it."""
    found = {}
    for folder, role in (("ingest", "gateway"), ("core", "gateway"), ("processors", "worker"), ("sinks", "worker")):
        for file in sorted((ROOT / folder).glob("*.c")):
            for name in re.findall(r'FAILPOINT\("([^"]+)"\)', file.read_text()):
                check(f"{name} has one place", None, found.get(name))
                found[name] = role
    return found


class Stage:
    def __init__(self, pipe, rng, ledger):
        self.pipe, self.rng, self.ledger = pipe, rng, ledger
        self.roles = {"gateway": pipe.gateway(**HURRIED), "worker": pipe.worker()}
        self.clients = []
        pipe.wait_ready()

    def restart(self, role, armed=None):
        role.environment.pop("FAILPOINT", None)
        if armed:
            role.environment["FAILPOINT"] = armed
        role.start()

    def acked(self):
        return sum(client.acked for client in self.clients)

    def landed(self):
        """Events that this life of the worker has stored; 0 when it does not answer."""
        try:
            return metric(self.roles["worker"].admin_url, 'metaops_worker_events_total{result="landed"}')
        except OSError:
            return 0

    def kill_at(self, name, kind, nth):
        role = self.roles[kind]
        role.stop()
        self.restart(role, f"{name}@{nth}:kill")
        garbage(self.rng, self.pipe, self.ledger, 2)
        if name in ON_STOP:
            wait_until("the worker is ready", lambda: self.landed() or not role.runs())
            role.process.terminate()
        wait_until(f"{name} is met ({nth})", lambda: not role.runs())
        check(f"{name} ends the {kind}", -9, role.process.wait())
        acked = self.acked()
        self.restart(role)
        start = time.monotonic()
        serves = (lambda: self.acked() > acked) if kind == "gateway" else (lambda: self.landed() > 0)
        wait_until(f"the {kind} serves again after {name}", serves)
        return time.monotonic() - start


def main():
    seed = int(os.environ.get("METAOPS_SEED", "1"))
    rng = random.Random(seed)
    print(f"seed {seed}")
    found = places()
    check("there are at least 14 places", True, len(found) >= 14)
    with Pipeline("failpoint", 4, SETTINGS) as pipe:
        ledger = Ledger(pipe.folder / "ledger")
        stage = Stage(pipe, rng, ledger)
        clients = stage.clients = start_clients(3, seed, stage.roles["gateway"].url.removeprefix("http://"), ledger, pause_s=0.02)
        order = rng.sample(sorted(found), len(found))
        rounds = [(name, 1) for name in order]
        if not os.environ.get("METAOPS_TEST_SHORT"):
            rounds += [(name, 1 if name in ONCE_A_LIFE else rng.randrange(2, 5)) for name in order]
        for name, nth in rounds:
            print(f"{name}@{nth}: {stage.kill_at(name, found[name], nth):.1f} s", flush=True)
        stop_clients(clients)
        pipe.wait_ready()
        pipe.wait_stored()
        check("good is taken and bad is refused", [], [each for client in clients for each in client.wrong])
        compare(pipe, ledger)
        ledger.close()
    end()


main()
