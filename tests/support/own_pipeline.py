"""own_pipeline - for tests that need topics, a database or roles of their own: made on the PostgreSQL
and the Kafka of the stack that the environment names, removed at the end. Gateways and workers are
processes of the test, on free ports, ended by their pid. Their last words are printed when anything failed.

    with Pipeline("convergence", partitions=3) as pipe:
        pipe.worker()
        pipe.emit(lines)
        pipe.wait_stored()
        print(pipe.checksum())
"""

import atexit
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid

import psycopg
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import checks
from ports import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("METAOPS_PROGRAM") or str(ROOT / "build/metaops")
TEMPLATE = f"template_{os.getpid()}"
# How long a state is waited for that has to come: no measure of speed, a machine may be as busy as it likes.
LIMIT_S = 120.0
# A broker may be slow to confirm a record: what the test posts is taken all the same. Tests of gateways that say "later"
# when they should give HURRIED to them.
PATIENT = {"METAOPS_INGEST_MESSAGE_TIMEOUT_MS": "30000", "METAOPS_INGEST_ANSWER_TIMEOUT_MS": "40000"}
HURRIED = dict.fromkeys(PATIENT)  # as a gateway is without being told


def wait_until(what, condition, timeout_s=LIMIT_S):
    """The first true answer of condition; fails the test when none comes."""
    end = time.monotonic() + timeout_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(0.03)


def test_events():
    """The events of tests/data, each the bytes of its line."""
    files = sorted((ROOT / "tests/data").glob("*.jsonl"))
    return [line for file in files for line in file.read_bytes().split(b"\n") if line.strip()]


def database_dsn(name):
    return os.environ["METAOPS_DSN"].rsplit("/", 1)[0] + "/" + name


def role_dsn(role, database):
    """As one of the stack's other roles (writer, reader), which have passwords of their own."""
    secrets = (pathlib.Path(os.environ["METAOPS_LOCAL_DIR"]) / "secrets").read_text()
    password = re.search(rf"^{role.upper()}_PASSWORD=(.*)$", secrets, re.M).group(1)
    host = os.environ["METAOPS_DSN"].rsplit("@", 1)[1].rsplit("/", 1)[0]
    return f"postgresql://metaops_{role}:{password}@{host}/{database}"


def query(dsn, statement, *parameters):
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def post(url, body, **headers):
    """-> status, headers, decoded JSON body"""
    request = urllib.request.Request(
        url, data=body, headers={"Content-Type": "application/json", **headers}
    )
    try:
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
            return answer.status, answer.headers, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, json.loads(refused.read() or b"null")


def metric(admin_url, name):
    """The sample of that name and labels, 0 when it is not there."""
    with urllib.request.urlopen(f"{admin_url}/metrics", timeout=LIMIT_S) as answer:
        for line in answer.read().decode().splitlines():
            if line.rpartition(" ")[0] == name:
                return float(line.rpartition(" ")[2])
    return 0.0


def is_ready(role):
    try:
        with urllib.request.urlopen(f"{role.admin_url}/readyz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


class Role:
    """One process of the program; its log is a file. A variable that is None is not there."""

    def __init__(self, pipe, name, environment, program):
        self.name = name
        self.environment = {key: value for key, value in environment.items() if value is not None}
        self.pipe = pipe
        self.program = program
        self.log = open(pipe.folder / f"{name}.log", "ab")
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.program, self.name.split("-")[0]],
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
            stdin=subprocess.DEVNULL,
        )

    def runs(self):
        return self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Orderly; the exit code."""
        if self.runs():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL

    def words(self, bytes_max=3000):
        return (self.pipe.folder / f"{self.name}.log").read_bytes()[-bytes_max:].decode(errors="replace")


class Pipeline:
    def __init__(self, name, partitions=12, settings=None, program=PROGRAM):
        """program: what makes the store, and what run and the roles run; may be changed later."""
        self.program = program
        self.name = f"{name}-{uuid.uuid4().hex[:8]}"
        self.database = self.name.replace("-", "_")
        self.dsn = database_dsn(self.database)
        self.topic = f"{self.name}.events"
        self.dead_topic = f"{self.name}.dead"
        self.keys_topic = f"{self.name}.keys"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.roles = []
        self.gateway_port = self.gateway_admin = None
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("METAOPS_")},
            "METAOPS_KAFKA_BROKERS": os.environ["METAOPS_KAFKA"],
            "METAOPS_KAFKA_TOPIC_EVENTS": self.topic,
            "METAOPS_KAFKA_TOPIC_DEAD_LETTERS": self.dead_topic,
            "METAOPS_KAFKA_TOPIC_ALERTS": f"{self.name}.alerts",
            "METAOPS_KAFKA_TOPIC_KEYS": self.keys_topic,
            "METAOPS_KAFKA_TOPIC_AUDIT_HEADS": f"{self.name}.audit-heads",
            "METAOPS_KAFKA_TOPIC_ENRICHED": f"{self.name}.enriched",
            "METAOPS_KAFKA_PARTITIONS": str(partitions),
            "METAOPS_WORKER_GROUP": self.name,
            "METAOPS_POSTGRES_CONNINFO": self.dsn,
            **PATIENT,
            **(settings or {}),
        }

    def __enter__(self):
        if self.program == PROGRAM:
            make_database(self.database, self.run)
        else:
            query(os.environ["METAOPS_DSN"], f"create database {self.database}")
            self.run("migrate")
        self.run("migrate", "--kafka")
        return self

    def __exit__(self, kind, error, trace):
        for role in self.roles:
            role.stop()
            checks.check_sanitizer(role.name, (self.folder / f"{role.name}.log").read_bytes())
            if kind or checks.failures:
                print(f"--- {role.name}\n{role.words()}")
            role.log.close()
        shutil.rmtree(self.folder)
        admin = AdminClient({"bootstrap.servers": os.environ["METAOPS_KAFKA"]})
        own = [topic for topic in admin.list_topics(timeout=10).topics if topic.startswith(self.name)]
        if own:
            for done in admin.delete_topics(own, operation_timeout=10).values():
                done.exception()
        wait_until(f"{self.database} is dropped", lambda: drop_database(self.database))

    def run(self, *words, stdin=None, **settings):
        """The program with the settings of this pipeline; fails the test when it fails."""
        done = subprocess.run(
            [self.program, *words],
            env={**self.environment, **settings},
            input=stdin,
            capture_output=True,
            timeout=LIMIT_S,
        )
        if done.returncode:
            raise AssertionError(f"metaops {' '.join(words)}: {done.stdout + done.stderr!r}")
        return done.stdout

    def worker(self, number=1, **settings):
        port = free_port()
        environment = {
            **self.environment,
            # No more rights than a worker should have.
            "METAOPS_POSTGRES_CONNINFO": role_dsn("writer", self.database),
            "METAOPS_WORKER_ADMIN_LISTEN": f"127.0.0.1:{port}",
            "METAOPS_WORKER_INSTANCE_ID": f"{self.name}-{number}",
            **settings,
        }
        role = Role(self, f"worker-{number}", environment, self.program)
        role.admin_url = f"http://127.0.0.1:{port}"
        self.roles.append(role)
        return role

    def alerter(self, number=1, **settings):
        port = free_port()
        environment = {
            **self.environment,
            "METAOPS_POSTGRES_CONNINFO": role_dsn("writer", self.database),
            "METAOPS_ALERTS_ADMIN_LISTEN": f"127.0.0.1:{port}",
            **settings,
        }
        role = Role(self, f"alerter-{number}", environment, self.program)
        role.admin_url = f"http://127.0.0.1:{port}"
        self.roles.append(role)
        return role

    def poll(self, number=1, **settings):
        port = free_port()
        environment = {**self.environment, "METAOPS_POLL_ADMIN_LISTEN": f"127.0.0.1:{port}", **settings}
        role = Role(self, f"poll-{number}", environment, self.program)
        role.admin_url = f"http://127.0.0.1:{port}"
        self.roles.append(role)
        return role

    def gateway(self, name="gateway", **settings):
        port, admin = free_port(), free_port()
        environment = {
            **self.environment,
            "METAOPS_INGEST_LISTEN": f"127.0.0.1:{port}",
            "METAOPS_INGEST_ADMIN_LISTEN": f"127.0.0.1:{admin}",
            **settings,
        }
        role = Role(self, name, environment, self.program)
        role.url = f"http://127.0.0.1:{port}"
        role.admin_url = f"http://127.0.0.1:{admin}"
        self.roles.append(role)
        return role

    def emit(self, lines):
        """Straight to Kafka as Avro; every event is on the topic afterwards."""
        self.run("emit", "--kafka", "--quiet", "-", stdin=b"\n".join(lines) + b"\n")

    def query(self, statement, *parameters):
        return query(self.dsn, statement, *parameters)

    def value(self, statement, *parameters):
        return self.query(statement, *parameters)[0][0]

    def make_topic(self, topic, partitions=3):
        """One beside ours; removed with them when its name begins with ours."""
        admin = AdminClient({"bootstrap.servers": os.environ["METAOPS_KAFKA"]})
        for done in admin.create_topics([NewTopic(topic, partitions, 1)]).values():
            done.result(LIMIT_S)

    def ends(self, topic=None):
        """{partition: offset behind the last record}; waits for partitions that have no leader just now."""
        return wait_until(f"the ends of {topic or self.topic} are known", lambda: self.ends_now(topic or self.topic))

    def ends_now(self, topic):
        """As ends, or None when the broker cannot say."""
        consumer = Consumer({"bootstrap.servers": os.environ["METAOPS_KAFKA"], "group.id": "ends"})
        try:
            partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
            return {
                number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)[1]
                for number in partitions
            }
        except KafkaException:
            return None
        finally:
            consumer.close()

    def records(self, topic):
        """Every record of the topic: (partition, offset, key, value)."""
        consumer = Consumer(
            {
                "bootstrap.servers": os.environ["METAOPS_KAFKA"],
                "group.id": f"reader-{uuid.uuid4()}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
            }
        )
        left = set(self.ends(topic))
        records = []

        def all_read():
            message = consumer.poll(0.5)
            if message is None:
                return False
            if not message.error():
                records.append((message.partition(), message.offset(), message.key(), message.value()))
            elif message.error().code() == KafkaError._PARTITION_EOF:
                left.discard(message.partition())
            return not left

        try:
            consumer.assign([TopicPartition(topic, number, 0) for number in left])
            end = time.monotonic() + LIMIT_S
            while not all_read():
                if time.monotonic() > end:
                    raise AssertionError(f"{topic} is not read to its end: partitions {left} of it")
        finally:
            consumer.close()
        return records

    def produce(self, topic, values):
        """values: (partition, key, value) with None for what the client leaves out."""
        producer = Producer({"bootstrap.servers": os.environ["METAOPS_KAFKA"], "message.max.bytes": 34 << 20})
        failures = []
        for partition, key, value in values:
            where = {} if partition is None else {"partition": partition}
            producer.produce(
                topic, value=value, key=key, on_delivery=lambda e, _: e and failures.append(e), **where
            )
        if producer.flush(LIMIT_S) or failures:
            raise AssertionError(f"not produced: {failures}")

    def stored(self, topic=None):
        return dict(
            self.query(
                "select partition, next_offset from metaops.offsets where topic = %s", topic or self.topic
            )
        )

    def wait_stored(self, timeout_s=LIMIT_S, topic=None):
        """Until the database stands at the end of the topic."""
        ends = self.ends(topic)
        with psycopg.connect(self.dsn, autocommit=True) as connection:

            def is_stored():
                rows = dict(
                    connection.execute(
                        "select partition, next_offset from metaops.offsets where topic = %s",
                        (topic or self.topic,),
                    ).fetchall()
                )
                return all(rows.get(number, 0) >= end for number, end in ends.items())

            wait_until(f"{self.name}: every record stored", is_stored, timeout_s)

    def wait_ready(self, roles=None):
        """Until every role, or these ones, say that they are ready."""
        for role in roles or self.roles:
            wait_until(f"{role.name} ready", lambda: is_ready(role))

    def broken_bodies(self):
        """Ids of events whose body does not give their id: an event is its bytes."""
        rows = self.query("select event_id, metaops.event_body(event_id) from metaops.events")
        return [
            str(number) for number, body in rows if hashlib.sha256(body.encode()).digest()[:16] != number.bytes
        ]

    def checksum(self):
        return self.value("select metaops.graph_checksum()")


def drop_database(name):
    """False while a session of another role is still on its way out: the owner may not end it."""
    try:
        query(os.environ["METAOPS_DSN"], f"drop database if exists {name} with (force)")
        return True
    except psycopg.errors.InsufficientPrivilege:
        return False


def make_database(name, run):
    """An empty, migrated database: migrated once for each test process, then copied."""
    dsn = os.environ["METAOPS_DSN"]
    if not query(dsn, "select 1 from pg_database where datname = %s", TEMPLATE):
        query(dsn, f"create database {TEMPLATE}")
        atexit.register(query, dsn, f"drop database if exists {TEMPLATE} with (force)")
        run("migrate", METAOPS_POSTGRES_CONNINFO=database_dsn(TEMPLATE))
    query(dsn, f"create database {name} template {TEMPLATE}")

