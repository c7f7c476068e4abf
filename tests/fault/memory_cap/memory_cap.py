"""Gateway and worker may take no more than DATA_MAX of memory, which the kernel refuses beyond it, and are to need no
more than RSS_MAX, while PostgreSQL is away under load and the backlog grows, and then while the broker is frozen and
what was sent waits in the gateway. Afterwards the backlog is stored by the same processes, each event once.

RLIMIT_DATA counts what is asked for, stacks of threads too, not only what is touched, and needs no rights.

METAOPS_SEED (default 1)."""

import os
import pathlib
import resource
import signal
import subprocess
import time

from checks import check, end
from ledger import Ledger, compare
from load import MIB, start_clients, stop_clients
from own_pipeline import HURRIED, ROOT, Pipeline, metric, wait_until

DATA_MAX = 512 * MIB
RSS_MAX = 384 * MIB
AWAY_S = 30
FROZEN_S = 6
CLIENTS = 6


def landed(worker):
    return metric(worker.admin_url, 'metaops_worker_events_total{result="landed"}')


def cap(role):
    resource.prlimit(role.process.pid, resource.RLIMIT_DATA, (DATA_MAX, DATA_MAX))


def memory(role):
    """(peak of what was resident, what is taken now), in MiB"""
    lines = pathlib.Path(f"/proc/{role.process.pid}/status").read_text().splitlines()
    words = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
    return int(words["VmHWM"]) // 1024, int(words["VmData"]) // 1024


def process_of(name):
    return int(pathlib.Path(os.environ["METAOPS_LOCAL_DIR"], "run", f"{name}.pid").read_text().split()[0])


def postgres_away(acked):
    """For a while at least, and until the gateway has taken events meanwhile; -> how many"""
    before = acked()
    os.kill(process_of("postgres"), signal.SIGQUIT)
    time.sleep(AWAY_S)
    wait_until("the gateway takes events while PostgreSQL is away", lambda: acked() > before + 100)
    away = acked() - before
    subprocess.run([ROOT / "compose/local", "up"], check=True, stdout=subprocess.DEVNULL)
    return away


def broker_frozen():
    os.kill(process_of("kafka"), signal.SIGSTOP)
    try:
        time.sleep(FROZEN_S)
    finally:
        os.kill(process_of("kafka"), signal.SIGCONT)


def main():
    seed = int(os.environ.get("METAOPS_SEED", "1"))
    print(f"seed {seed}")
    with Pipeline("memory", 4) as pipe:
        ledger = Ledger(pipe.folder / "ledger")
        gateway, worker = pipe.gateway(**HURRIED), pipe.worker()
        for role in (gateway, worker):
            cap(role)
        pipe.wait_ready()
        address = gateway.url.removeprefix("http://")
        clients = start_clients(CLIENTS, seed, address, ledger, has_edges=True)
        clients += start_clients(1, seed, address, ledger, first=CLIENTS, has_large_edges=True)
        wait_until("there is load", lambda: landed(worker) > 100)
        away = postgres_away(lambda: sum(client.acked for client in clients))
        before = landed(worker)
        wait_until("events land again", lambda: landed(worker) > before)
        broker_frozen()
        wait_until("events as large as may be, and larger, were sent", lambda: not clients[-1].sizes, 600)
        stop_clients(clients)
        pipe.wait_ready()
        pipe.wait_stored(600)
        check("good is taken and bad is refused", [], [each for client in clients for each in client.wrong])
        for role in (gateway, worker):
            check(f"I8 {role.name} lives", True, role.runs())
            peak, data = memory(role)
            print(f"{role.name}: at most {peak} MiB resident, {data} MiB taken now")
            check(f"{role.name} needs no more than {RSS_MAX // MIB} MiB", True, peak < RSS_MAX // MIB)
        compare(pipe, ledger)
        ledger.close()
        print(f"{away} events taken while PostgreSQL was away for {AWAY_S} s")
    end()


main()
