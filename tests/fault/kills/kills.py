"""Clients post without pause while a seeded hand kills gateways and workers, stops them for longer than
their session, ends the database's connections, holds locks, stops PostgreSQL at once and kills the
broker, each at least once. Afterwards every acknowledged event is stored exactly once with its bytes,
nothing is stored that nobody sent, and the graph is the one that an undisturbed worker makes of the
same events.

METAOPS_SEED (default 1), METAOPS_FAULT_SECONDS (default 40, in a short round 15)."""

import os
import random
import time

from checks import check, end
from hand import FAULTS, Hand
from ledger import Ledger, compare
from load import garbage, start_clients, stop_clients
from own_pipeline import Pipeline, wait_until

CLIENTS = 4
SETTINGS = {
    "METAOPS_WORKER_SESSION_TIMEOUT_MS": "6000",
    "METAOPS_WORKER_BATCH_EVENTS_MAX": "60",
    "METAOPS_WORKER_LANES": "2",
}


def disturb(pipe, rng, seed, seconds, ledger):
    hand = Hand(pipe, rng)
    pipe.wait_ready()
    clients = start_clients(CLIENTS, seed, hand.gateway.url.removeprefix("http://"), ledger, has_edges=True)
    faults = rng.sample(FAULTS, len(FAULTS))
    end_at = time.monotonic() + seconds
    while faults or time.monotonic() < end_at:
        time.sleep(rng.uniform(0.3, 2))
        garbage(rng, pipe, ledger, 3)
        hand.act(faults.pop() if faults else rng.choice(FAULTS[:-2]))
    acked = sum(client.acked for client in clients)
    wait_until("the load goes on after the last fault", lambda: sum(client.acked for client in clients) > acked + 100)
    stop_clients(clients)
    pipe.wait_ready()
    return hand, clients


def seconds():
    return float(os.environ.get("METAOPS_FAULT_SECONDS", "15" if os.environ.get("METAOPS_TEST_SHORT") else "40"))


def main():
    seed = int(os.environ.get("METAOPS_SEED", "1"))
    rng = random.Random(seed)
    print(f"seed {seed}")
    with Pipeline("fault", 6, SETTINGS) as pipe:
        ledger = Ledger(pipe.folder / "ledger")
        hand, clients = disturb(pipe, rng, seed, seconds(), ledger)
        pipe.wait_stored()
        check("good is taken and bad is refused", [], [each for client in clients for each in client.wrong])
        compare(pipe, ledger)
        for role in [hand.gateway, *hand.workers]:
            check(f"I8 {role.name} lives", True, role.runs())
        disturbed = pipe.checksum()
        bodies = [body.encode() for (body,) in pipe.query("select metaops.event_body(event_id) from metaops.events")]
        with Pipeline("fault-calm", 3) as calm:
            calm.worker()
            calm.emit(bodies)
            calm.wait_stored()
            check("the graph is that of an undisturbed worker", calm.checksum(), disturbed)
        ledger.close()
    end()


main()
