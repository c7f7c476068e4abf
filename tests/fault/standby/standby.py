"""Workers know a primary and a standby by one conninfo with two hosts. Under load the primary stops shipping, commits
some more, and is killed; for a while there is only a standby, which takes no writes; then it is promoted. The workers
go on there by themselves and read again from Kafka what the primary had not shipped: every acknowledged event is
there once, and the graph is that of an undisturbed worker. Once with clients that go on, once with none, so that
nothing but the database itself tells the workers.

METAOPS_SEED (default 1)."""

import os
import random
import signal
import time

from checks import check, end
from ledger import Ledger, compare
from load import garbage, start_clients, stop_clients
from own_pipeline import Pipeline, wait_until
from private_postgres import PASSWORD, PrivatePostgres

CLIENTS = 3
UNSHIPPED = 300  # events at least
SETTINGS = {"METAOPS_WORKER_SESSION_TIMEOUT_MS": "6000", "METAOPS_WORKER_BATCH_EVENTS_MAX": "60", "METAOPS_WORKER_LANES": "2"}


class Stage:
    def __init__(self, pipe, primary, seed, ledger):
        self.pipe, self.primary, self.standby = pipe, primary, primary.standby()
        self.ledger = ledger
        self.gateway = pipe.gateway()
        conninfo = (f"host=127.0.0.1,127.0.0.1 port={primary.port},{self.standby.port} dbname={pipe.database}"
                    f" user=metaops_writer password='{PASSWORD}'")
        self.workers = [pipe.worker(number, METAOPS_POSTGRES_CONNINFO=conninfo) for number in (1, 2)]
        pipe.wait_ready()
        self.clients = start_clients(CLIENTS, seed, self.gateway.url.removeprefix("http://"), ledger)

    def acked(self):
        return sum(client.acked for client in self.clients)

    def stored(self, server):
        return server.superuser("select count(*) from metaops.events", database=self.pipe.database)[0][0]

    def stop_shipping(self):
        """The process that ships is frozen: what the primary commits from now on stays with it."""
        [(sender,)] = self.primary.superuser("select pid from pg_stat_replication")
        os.kill(sender, signal.SIGSTOP)

    def fail_over(self, goes_on):
        wait_until("events are stored", lambda: self.stored(self.primary) > 500)
        self.stop_shipping()
        shipped = self.stored(self.standby)
        wait_until("events are stored that are not shipped", lambda: self.stored(self.primary) > shipped + UNSHIPPED)
        if not goes_on:
            stop_clients(self.clients)
            self.pipe.wait_stored()
        stored = self.stored(self.primary)
        self.primary.stop()
        time.sleep(2)  # with a standby only
        self.standby.promote()
        print(f"{stored} stored when the primary died, {self.stored(self.standby)} shipped", flush=True)
        os.environ["METAOPS_DSN"] = self.standby.dsn("metaops_owner")
        self.pipe.dsn = self.standby.dsn("metaops_owner", self.pipe.database)
        if goes_on:
            acked = self.acked()
            wait_until("clients go on", lambda: self.acked() > acked + 300)
            stop_clients(self.clients)


def run(seed, goes_on):
    name = "standby" if goes_on else "standby-idle"
    print(f"clients {'go on' if goes_on else 'have ended'}")
    with PrivatePostgres() as primary:
        os.environ["METAOPS_DSN"] = primary.dsn("metaops_owner")
        with Pipeline(name, 6, SETTINGS) as pipe:
            ledger = Ledger(pipe.folder / "ledger")
            stage = Stage(pipe, primary, seed, ledger)
            garbage(random.Random(seed), pipe, ledger, 10)
            stage.fail_over(goes_on)
            pipe.wait_ready()
            pipe.wait_stored()
            check("good is taken and bad is refused", [], [each for client in stage.clients for each in client.wrong])
            for role in [stage.gateway, *stage.workers]:
                check(f"I8 {role.name} lives", True, role.runs())
            compare(pipe, ledger)
            compare_with_calm(pipe)
            ledger.close()


def compare_with_calm(pipe):
    bodies = [body.encode() for (body,) in pipe.query("select metaops.event_body(event_id) from metaops.events")]
    with Pipeline("standby-calm", 3) as calm:
        calm.worker()
        calm.emit(bodies)
        calm.wait_stored()
        check("the graph is that of an undisturbed worker", calm.checksum(), pipe.checksum())


def main():
    seed = int(os.environ.get("METAOPS_SEED", "1"))
    print(f"seed {seed}")
    run(seed, goes_on=False)
    run(seed, goes_on=True)
    end()


main()
