"""Clients post without pause while a store of the first release is upgraded: migrated beside the old roles, new
workers beside the old ones, which then stop, at last a new gateway; rebuilt in each of these states. Nothing
acknowledged is lost or doubled, what old and new workers wrote side by side is what the bodies say but for what the
first release does not know of, what new workers wrote is so in all, and the graph is the one that a new store makes of
the same events.

In the wrong order, a new gateway before new workers, old workers cannot read its records: they are dead letters,
and in the store once they are sent again.

METAOPS_SEED (default 1), METAOPS_FAULT_SECONDS (default 5) of load before each step."""

import contextlib
import os
import random
import subprocess
import threading
import time

import psycopg
from checks import check, end
from ledger import Ledger, compare
from load import garbage, start_clients, stop_clients
from own_pipeline import LIMIT_S, PROGRAM, Pipeline, metric, post, test_events, wait_until

FIRST = os.environ["METAOPS_FIRST_PROGRAM"]
SECONDS = float(os.environ.get("METAOPS_FAULT_SECONDS", "5"))
# What workers of the first release leave out, as these columns came after it:
LATER = {
    "statements": ["first_run", "environment"],
    "descriptions": ["facts"],  # and those of environments are not there at all
    "layouts": ["facts"],
    "runs": ["facts"],
    # A statement with an environment has another id than without.
    "events": ["statement_id"],
}
LATER_KNOWN = {*LATER, "asset_facts"}  # a table of a later release
TIMES_IN_THE_WAY = 3
SETTINGS = {"METAOPS_WORKER_SESSION_TIMEOUT_MS": "6000", "METAOPS_WORKER_BATCH_EVENTS_MAX": "60"}


def rows(pipe, table):
    """{its key: the row as JSON, without what came after the first release}"""
    key = {"statements": "statement_id", "events": "event_id", "runs": "run_uuid", "descriptions": "description_id, ordinal",
           "layouts": "layout_id, slot"}[table]  # fmt: skip
    return dict(pipe.query(f"select concat_ws(' ', {key}), (to_jsonb(t) - %s::text[])::text from graph.{table} t", LATER[table]))


def differing(before, after):
    """Keys of what is only in one of them, or not the same in both."""
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


class Graph:
    """The tables that both releases write, as far as the first one knows them."""

    def __init__(self, pipe):
        self.tables = {table: rows(pipe, table) for table in LATER}
        self.statement_of = dict(pipe.query("select event_id, statement_id::text from graph.events"))
        self.environments = dict(pipe.query(
            "select statement_id::text, environment::text from graph.statements where environment is not null"))

    def check_same(self, after, landed_by_old):
        """But for events with an environment, which belong to other statements than the first release thought."""
        moved = {event for event, statement in self.statement_of.items() if statement != after.statement_of.get(event)}
        print(f"  {len(moved)} events have an environment that their workers did not know", flush=True)
        check("they are among what old workers wrote", True, len(moved) <= landed_by_old)
        check("each has one", set(), {event for event in moved if after.statement_of[event] not in after.environments})
        statements = {graph.statement_of[event] for event in moved for graph in (self, after)}
        environments = set(after.environments.values())
        for table in LATER:
            keys = differing(self.tables[table], after.tables[table])
            if table == "statements":
                keys -= statements
            if table == "descriptions":
                keys = {key for key in keys if key in self.tables[table] or key.split()[0] not in environments}
            check(f"nothing else differs: {table}", set(), keys)


def landed(role):
    return metric(role.admin_url, 'metaops_worker_events_total{result="landed"}')


def old_worker(pipe, number):
    """It knows no other role than the owner."""
    return pipe.worker(f"old-{number}", METAOPS_POSTGRES_CONNINFO=pipe.dsn)


class Upgrade:
    def __init__(self, pipe, rng, seed, ledger):
        self.pipe, self.rng, self.seed, self.ledger = pipe, rng, seed, ledger
        self.old_gateway = pipe.gateway("gateway-old")
        self.old_workers = [old_worker(pipe, number) for number in (1, 2)]
        pipe.wait_ready()
        self.clients = []
        self.post_to(self.old_gateway)

    def post_to(self, gateway):
        self.clients += start_clients(2, self.seed, gateway.url.removeprefix("http://"), self.ledger,
                                      first=len(self.clients), pause_s=0.01, has_edges=True)

    def load(self, what, workers):
        """Time passes, and all of these workers land events in it."""
        before = [landed(worker) for worker in workers]
        garbage(self.rng, self.pipe, self.ledger, 3)
        time.sleep(SECONDS)
        wait_until(f"{what}: every worker stores", lambda: all(
            landed(worker) > count for worker, count in zip(workers, before)))

    def landed_by_old(self):
        return sum(landed(worker) for worker in self.old_workers)

    def rebuild(self, what, later_known=frozenset()):
        """What is found to differ from what the events say is later_known at most."""
        done = subprocess.run([PROGRAM, "rebuild"], capture_output=True, text=True, timeout=LIMIT_S,
                              env=self.pipe.environment)
        print("\n".join(f"  {line}" for line in done.stdout.splitlines()), done.stderr, flush=True)
        differ = {line.split()[0] for line in done.stdout.splitlines() if " added, " in line}
        check(f"{what}: rebuilt, and the graph was right", (0, set()), (done.returncode, differ - later_known))
        check(f"{what}: which is told", not differ, "was what its events say" in done.stdout)

    def in_the_way(self, is_over):
        """A few sessions, one after the other, read what a migration changes, wait for it there, and then want what the
        migration has: one of the two has to give way, and mostly it is the migration, which has waited for longer."""
        met = 0
        while met < TIMES_IN_THE_WAY and not is_over.is_set():
            with contextlib.suppress(psycopg.Error), psycopg.connect(self.pipe.dsn, autocommit=False) as session:
                session.execute("set lock_timeout = '8s'")
                session.execute("lock table graph.body_bases in access share mode")
                while not is_over.wait(0.02) and not session.execute(
                        "select from pg_locks where not granted and relation = 'graph.body_bases'::regclass").rowcount:
                    pass
                met += not is_over.is_set()
                session.execute("lock table graph.events in row exclusive mode")
        self.times_in_the_way = met

    def migrate(self):
        is_over = threading.Event()
        session = threading.Thread(target=self.in_the_way, args=(is_over,))
        session.start()
        try:
            print(self.pipe.run("migrate").decode(), end="")
        finally:
            is_over.set()
            session.join()
        check("a session was in the way of a migration", True, self.times_in_the_way > 0)

    def run(self):
        self.load("the first release", self.old_workers)

        self.pipe.program = PROGRAM
        start = time.monotonic()
        self.migrate()
        self.pipe.run("migrate", "--kafka")
        print(f"migrated in {time.monotonic() - start:.1f} s under load", flush=True)
        self.load("old workers, store migrated", self.old_workers)
        self.rebuild("old workers", LATER_KNOWN)

        new_workers = [self.pipe.worker("new-1"), self.pipe.worker("new-2")]
        self.pipe.wait_ready()
        self.load("old and new workers", self.old_workers + new_workers)
        self.at_rest(new_workers)

        for role in self.old_workers:
            check(f"{role.name} ends in good order", 0, role.stop())
        new_gateway = self.pipe.gateway("gateway-new")
        self.pipe.wait_ready(roles=[new_gateway])
        self.post_to(self.old_gateway)
        self.post_to(new_gateway)
        self.load("new workers, old and new gateway", new_workers)
        self.rebuild("new workers")
        stop_clients(self.clients)
        check("the old gateway ends in good order", 0, self.old_gateway.stop())

    def at_rest(self, new_workers):
        """Under load, and once more when nobody posts, so that what a rebuild changes can be told from what workers write."""
        landed_before = self.landed_by_old()
        self.rebuild("old and new workers", LATER_KNOWN)
        self.load("old and new workers, rebuilt", self.old_workers + new_workers)
        stop_clients(self.clients)
        self.pipe.wait_stored()
        graph = Graph(self.pipe)
        self.rebuild("old and new workers, at rest", LATER_KNOWN)
        graph.check_same(Graph(self.pipe), self.landed_by_old() - landed_before)


def wrong_order():
    lines = test_events()[:60]
    with Pipeline("upgrade-wrong", 3, SETTINGS, FIRST) as pipe:
        pipe.program = PROGRAM
        pipe.run("migrate")
        pipe.run("migrate", "--kafka")
        gateway = pipe.gateway()
        pipe.program = FIRST
        worker = old_worker(pipe, 1)
        pipe.wait_ready()
        check("the new gateway takes them", {201}, {post(f"{gateway.url}/api/v1/lineage", line)[0] for line in lines})
        pipe.wait_stored()
        check("the old worker puts them aside", (0, len(lines)), pipe.query(
            "select (select count(*) from metaops.events), (select count(*) from metaops.dead_letters)")[0])
        worker.stop()
        pipe.program = PROGRAM
        pipe.worker("new-1")
        pipe.run("dead-letters", "retry", "--all")
        pipe.wait_stored()
        check("sent again they are stored", len(set(lines)), pipe.value("select count(*) from metaops.events"))


def main():
    seed = int(os.environ.get("METAOPS_SEED", "1"))
    print(f"seed {seed}")
    with Pipeline("upgrade", 8, SETTINGS, FIRST) as pipe:
        ledger = Ledger(pipe.folder / "ledger")
        upgrade = Upgrade(pipe, random.Random(seed), seed, ledger)
        upgrade.run()
        pipe.wait_stored()
        check("good is taken and bad is refused", [], [each for client in upgrade.clients for each in client.wrong])
        compare(pipe, ledger)
        before = pipe.checksum()
        upgrade.rebuild("at the end")
        check("the rebuilt graph is the one there was", before, pipe.checksum())
        bodies = [body.encode() for (body,) in pipe.query("select metaops.event_body(event_id) from metaops.events")]
        with Pipeline("upgrade-new", 3) as calm:
            calm.emit(bodies)
            calm.worker()
            calm.wait_stored()
            check("the graph is that of a new store", calm.checksum(), before)
        ledger.close()
    wrong_order()
    end()


main()
