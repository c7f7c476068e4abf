"""Between worker and PostgreSQL stands a proxy that loses the COMMIT, swallows its answer, resets the
connection between the two, delays, trickles, or falls silent. Whether the transaction was committed is
then unknown to the worker; the offset row tells. Nothing is lost, nothing is stored twice, and after each
fault events land again.

METAOPS_SEED (default 1)."""

import os
import random
import time
import urllib.parse

from checks import check, end
from ledger import Ledger, compare
from load import start_clients, stop_clients
from own_pipeline import Pipeline, metric, wait_until
from wire import Proxy

FAULTS = ["lost", "swallowed", "reset", "late", "trickle"] * 3 + ["silent"]
SETTINGS = {
    "METAOPS_WORKER_BATCH_EVENTS_MAX": "40",
    "METAOPS_WORKER_LANES": "2",
    "METAOPS_POSTGRES_STATEMENT_TIMEOUT_MS": "5000",
}


def landed(worker):
    return metric(worker.admin_url, 'metaops_worker_events_total{result="landed"}')


def strike(proxy, worker, fault):
    before, struck = landed(worker), proxy.struck
    proxy.arm(fault)
    wait_until(f"{fault} strikes", lambda: proxy.struck > struck)
    start = time.monotonic()
    wait_until(f"events land after {fault}", lambda: landed(worker) > before + 20)
    print(f"{fault}: events land again after {time.monotonic() - start:.1f} s", flush=True)


def main():
    seed = int(os.environ.get("METAOPS_SEED", "1"))
    rng = random.Random(seed)
    print(f"seed {seed}")
    with Pipeline("wire", 4, SETTINGS) as pipe:
        where = urllib.parse.urlsplit(pipe.dsn)
        proxy = Proxy(where.hostname, where.port)
        through = where._replace(netloc=f"{where.username}:{where.password}@127.0.0.1:{proxy.port}").geturl()
        gateway = pipe.gateway()
        worker = pipe.worker(METAOPS_POSTGRES_CONNINFO=through)
        pipe.wait_ready()
        ledger = Ledger(pipe.folder / "ledger")
        clients = start_clients(2, seed, gateway.url.removeprefix("http://"), ledger, pause_s=0.01)
        for fault in rng.sample(FAULTS, len(FAULTS)):
            strike(proxy, worker, fault)
        stop_clients(clients)
        pipe.wait_stored()
        check("every fault struck", len(FAULTS), proxy.struck)
        check("I8 the worker lives", True, worker.runs())
        compare(pipe, ledger)
        ledger.close()
    end()


main()
