"""Three brokers, three copies of every record, two of which have to be there before one counts. Under load each
broker is killed in turn and stays away for longer than it takes the others to notice: clients get 201 as before,
at most later, but those whose record waited in a producer that ended. A record may wait for its new leader longer than
on a busy machine it has to; how long is printed. While the last of them is away a second one goes: clients get 503. When
both are back, the same gateway and workers go on by themselves, and the ledger agrees with the store.

METAOPS_SEED (default 1)."""

import os
import pathlib
import random
import signal
import subprocess
import time

from checks import check, end
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from ledger import Ledger, compare
from load import start_clients, stop_clients, wait_told_later
from own_pipeline import ROOT, Pipeline, metric, wait_until

CLIENTS = 4
NODES = ["kafka", "kafka-2", "kafka-3"]
AWAY_S = 5
SETTINGS = {
    "METAOPS_KAFKA_REPLICATION_FACTOR": "3",
    "METAOPS_KAFKA_MIN_INSYNC_REPLICAS": "2",
    "METAOPS_WORKER_SESSION_TIMEOUT_MS": "6000",
    "METAOPS_INGEST_MESSAGE_TIMEOUT_MS": "15000",
    "METAOPS_INGEST_ANSWER_TIMEOUT_MS": "20000",
}


def kill(node):
    file = pathlib.Path(os.environ["METAOPS_LOCAL_DIR"], "run", f"{node}.pid")
    os.kill(int(file.read_text().split()[0]), signal.SIGKILL)


class Cluster:
    def __init__(self, pipe, clients):
        self.pipe, self.clients = pipe, clients
        self.start = time.monotonic()
        self.admin = AdminClient({"bootstrap.servers": os.environ["METAOPS_KAFKA"]})

    def partitions(self):
        """Those of the pipeline and of the consumer group; none when nobody answers."""
        try:
            topics = self.admin.list_topics(timeout=2).topics
        except KafkaException:
            return []
        return [partition for name, topic in topics.items()
                if name.startswith(self.pipe.name) or name == "__consumer_offsets" for partition in topic.partitions.values()]

    def is_whole(self):
        """Every partition has three copies in step."""
        partitions = self.partitions()
        return partitions and all(len(partition.isrs) == len(NODES) for partition in partitions)

    def has_leaders_without(self, number):
        partitions = self.partitions()
        return partitions and all(partition.leader not in (-1, number) for partition in partitions)

    def bring_back(self):
        subprocess.run([ROOT / "compose/local", "up"], check=True, stdout=subprocess.DEVNULL)
        wait_until("every partition has three copies in step", self.is_whole)

    def counts(self):
        """Answers 201, and answers 503 that a rebuilt producer does not explain. The library's producer may end with a fatal
        error after records that a broker may have (librdkafka before 2.3, pull request 4438): what waited is told to come
        later, one record a client."""
        rebuilt = metric(self.pipe.roles[0].admin_url, "metaops_producer_rebuilds_total")
        later = sum(client.answers[503] for client in self.clients)
        return sum(client.acked for client in self.clients), max(0, later - CLIENTS * int(rebuilt))

    def slowest_s(self):
        slowest = max(client.slowest_s for client in self.clients)
        for client in self.clients:
            client.slowest_s = 0.0
        return slowest

    def kill_one(self, node):
        acked, later = self.counts()
        self.slowest_s()
        start = time.monotonic()
        kill(node)
        wait_until("others lead", lambda: self.has_leaders_without(NODES.index(node) + 1))
        took_s = time.monotonic() - start
        time.sleep(AWAY_S)
        now_acked, now_later = self.counts()
        print(f"{node} away from {start - self.start:.0f} s on: others lead after {took_s:.1f} s, {now_acked - acked} acked,"
              f" {now_later - later} to be sent again, the slowest answer took {self.slowest_s():.1f} s", flush=True)
        stored = sum(self.pipe.stored().values())
        wait_until(f"events are stored without {node}", lambda: sum(self.pipe.stored().values()) > stored)
        check(f"without {node} events are taken", True, now_acked > acked)
        check(f"without {node} every answer was 201", later, now_later)

    def kill_another(self, node):
        kill(node)
        wait_told_later("two brokers away", self.clients, times=1)
        acked = self.counts()[0]
        time.sleep(AWAY_S)
        check("two brokers away: nothing is acknowledged", acked, self.counts()[0])

    def disturb(self, nodes):
        for node in nodes[:-1]:
            self.kill_one(node)
            later = self.counts()[1]
            self.bring_back()
            check(f"while {node} came back every answer was 201", later, self.counts()[1])
        self.kill_one(nodes[-1])
        self.kill_another(nodes[0])
        self.bring_back()
        acked = self.counts()[0]
        wait_until("events are taken again", lambda: self.counts()[0] > acked + 100)


def main():
    seed = int(os.environ.get("METAOPS_SEED", "1"))
    rng = random.Random(seed)
    print(f"seed {seed}")
    with Pipeline("three", 6, SETTINGS) as pipe:
        ledger = Ledger(pipe.folder / "ledger")
        gateway = pipe.gateway()
        roles = [gateway, pipe.worker(1), pipe.worker(2)]
        pipe.wait_ready()
        clients = start_clients(CLIENTS, seed, gateway.url.removeprefix("http://"), ledger, pause_s=0.02)
        cluster = Cluster(pipe, clients)
        wait_until("the group's topic is there and whole", cluster.is_whole)
        cluster.disturb(rng.sample(NODES, len(NODES)))
        stop_clients(clients)
        pipe.wait_ready()
        pipe.wait_stored()
        check("no request was left without an answer", 0, sum(client.answers[None] for client in clients))
        check("good is taken and bad is refused", [], [each for client in clients for each in client.wrong])
        for role in roles:
            check(f"I8 {role.name} lives", True, role.runs())
        compare(pipe, ledger)
        ledger.close()
    end()


main()
