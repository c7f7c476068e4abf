"""A broker that takes SASL_SSL only and allows nothing by default. With exactly the
rights of compose/kafka/acls.md every role does its work: topics made, an event by HTTP in the graph, by
emit, enriched for a reader; without its rights each is refused and says so. A wrong password and an
unknown authority are told apart; no password is in a log, a command line or a printed setting.

Kafka 4.1 with PLAIN, and Kafka 3.7.1 with SCRAM-SHA-512: librdkafka before 2.6.1 (Debian 12 has 2.0.2) says
its nonce twice in SCRAM, which later brokers refuse whatever the password is. That the program knows and
says so is tested too."""

import json
import os
import pathlib
import subprocess
import tempfile

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import NewTopic

from avro_records import read_enriched
from checks import check, end
from own_pipeline import LIMIT_S, ROOT, Pipeline, is_ready, post, wait_until
from secure_kafka import SecureKafka

OPENLINEAGE = "openlineage.events"
TOPICS = {"METAOPS_KAFKA_TOPIC_EVENTS": "metaops.events", "METAOPS_KAFKA_TOPIC_DEAD_LETTERS": "metaops.dead-letters",
          "METAOPS_KAFKA_TOPIC_ALERTS": "metaops.alerts", "METAOPS_KAFKA_TOPIC_KEYS": "metaops.keys",
          "METAOPS_KAFKA_TOPIC_ENRICHED": "metaops.enriched", "METAOPS_KAFKA_TOPIC_AUDIT_HEADS": "metaops.audit-heads",
          "METAOPS_WORKER_GROUP": "metaops", "METAOPS_INGEST_OPENLINEAGE_TOPICS": OPENLINEAGE}
# Each refusal waits for so long, and there are many.
LESS_PATIENT = {"METAOPS_INGEST_MESSAGE_TIMEOUT_MS": "8000", "METAOPS_INGEST_ANSWER_TIMEOUT_MS": "10000"}


def rights():
    """The rows of the document: (principal, operation, resource, name)"""
    rows = [line.split("|")[1:5] for line in (ROOT / "compose/kafka/acls.md").read_text().splitlines()
            if line.startswith("|") and not line.startswith("|---")]
    return [tuple(word.strip() for word in row) for row in rows[1:]]


def rights_of(name):
    return [row for row in rights() if row[0] == name]


def event(job):
    return json.dumps({"eventTime": "2026-03-01T10:00:00Z", "job": {"namespace": "secure", "name": job}}).encode()


def send(gateway, job):
    return post(f"{gateway.url}/api/v1/lineage", event(job))[0]


def fails(pipe, *words, stdin=None, **settings):
    """What a command says when it fails, empty when it does not."""
    try:
        pipe.run(*words, stdin=stdin, **settings)
        return ""
    except AssertionError as refused:
        return str(refused)


def roles_work(pipe, kafka, gateway, worker, enricher):
    check("an event by HTTP is taken", 201, send(gateway, "by http"))
    pipe.run("emit", "--kafka", "--quiet", "-", stdin=event("by emit") + b"\n", **kafka.settings("emitter"))
    producer = Producer(kafka.client("admin"))
    producer.produce(OPENLINEAGE, event("by transport"))
    producer.produce("metaops.events", b"no event")
    producer.flush(LIMIT_S)
    wait_until("all are in the graph", lambda: pipe.value("select count(*) from metaops.events") == 3)
    check("from every way in", ["by emit", "by http", "by transport"], [name for (name,) in pipe.query(
        "select job_name from metaops.events order by 1")])
    wait_until("what is no event is a dead letter", lambda: pipe.query("select 1 from metaops.dead_letters"))
    check("a reader gets them enriched", ["by emit", "by http", "by transport"], sorted(read(kafka, 3)))
    check("all roles live", [True] * 3, [role.runs() for role in (gateway, worker, enricher)])


def keys_work(pipe, kafka):
    """A key made by the principal of keys opens a gateway that reads the topic as its own."""
    asks = pipe.gateway(**kafka.settings("gateway"), METAOPS_INGEST_AUTH="required")
    wait_until("the gateway listens", lambda: status_of(asks, "stranger", {}) in (401, 503))
    key = pipe.run("keys", "add", "tester", **kafka.settings("keys")).decode().split()[-1]
    bearer = {"Authorization": f"Bearer {key}"}
    check("a new key opens a gateway", 201, wait_until(
        "the key is known", lambda: status_of(asks, "by key", bearer) == 201 and 201))
    check("without one it is shut", 401, status_of(asks, "without key", {}))
    check("keys are listed", True, "tester" in pipe.run("keys", "list", **kafka.settings("keys")).decode())
    asks.kill()
    wait_until("the worker has the event", lambda: pipe.query("select 1 from metaops.events where job_name = 'by key'"))


def heads_key(pipe):
    path = pipe.folder / "heads.pem"
    if not path.exists():
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], check=True)
        path.chmod(0o600)
    return str(path)


def heads_work(pipe, kafka):
    """Signed heads of the audit chains, written by the principal of workers and read by that of audit."""
    words = ("audit", "verify", "--heads", "kafka", "--key", heads_key(pipe))
    wait_until("heads on Kafka prove the store", lambda: not fails(pipe, *words, **kafka.settings("audit")))


def status_of(gateway, job, headers):
    try:
        return post(f"{gateway.url}/api/v1/lineage", event(job), **headers)[0]
    except OSError:
        return None


def read(kafka, count):
    consumer = Consumer(kafka.client("reader") | {"group.id": "enriched-readers", "auto.offset.reset": "earliest"})
    consumer.subscribe(["metaops.enriched"])
    names = []
    try:
        def more():
            message = consumer.poll(0.5)
            if message is not None and not message.error():
                names.append(read_enriched(message.value())["job_name"])
            return len(names) >= count
        wait_until("the reader has read", more)
    finally:
        consumer.close()
    return names


def nothing_beyond(kafka):
    """Rights of one role are not those of another."""
    failures = []
    producer = Producer(kafka.client("reader") | {"log_level": 0})
    producer.produce("metaops.events", b"x", on_delivery=lambda error, _: failures.append(error.name()))
    producer.flush(LIMIT_S)
    check("a reader may not write events", ["TOPIC_AUTHORIZATION_FAILED"], failures)
    consumer = Consumer(kafka.client("gateway") | {"group.id": "metaops", "log_level": 0})
    consumer.subscribe(["metaops.events"])
    said = set()
    try:
        for _ in range(240):
            message = consumer.poll(0.5)
            if message is not None and message.error():
                said.add(message.error().name())
                break
    except KafkaException as refused:
        said.add(refused.args[0].name())
    finally:
        consumer.close()
    check("a gateway may not read them", {"GROUP_AUTHORIZATION_FAILED"}, said)


def refused_without(pipe, kafka, gateway, worker, enricher):
    def says(role, before, words="uthoriz"):
        return wait_until(f"{role.name} says that it may not", lambda: words in role.words(1 << 20)[before:])

    before = len(gateway.words(1 << 20))
    kafka.forbid(rights_of("gateway"))
    check("a gateway without its rights answers 503", 503, send(gateway, "not allowed"))
    check("and says why", True, says(gateway, before))
    kafka.allow(rights_of("gateway"))
    wait_until("it works again once allowed", lambda: send(gateway, "allowed again") == 201)
    for name, role in (("worker", worker), ("enricher", enricher)):
        before = len(role.words(1 << 20))
        kafka.forbid(rights_of(name))
        check(f"a {name} without its rights says so", True, says(role, before))
        wait_until("and ends", lambda: not role.runs())
        kafka.allow(rights_of(name))
    for name, words, stdin in (("emitter", ("emit", "--kafka", "--quiet", "--retries", "0", "-"), event("x") + b"\n"),
                               ("audit", ("audit", "verify", "--heads", "kafka", "--key", heads_key(pipe)), None),
                               ("migrate", ("migrate", "--kafka"), None), ("check", ("check",), None)):
        kafka.forbid(rights_of(name))
        said = fails(pipe, *words, stdin=stdin, **kafka.settings(name))
        check(f"{name} without its rights is refused and says why", True, "uthoriz" in said)
        kafka.allow(rights_of(name))


def strangers(pipe, kafka):
    (kafka.folder / "wrong.password").write_text("not the password\n")
    refused = "invalid credentials" if kafka.mechanism != "PLAIN" else "Invalid username or password"
    ways = {
        "a wrong password": ({"METAOPS_RDKAFKA_SASL_PASSWORD_FILE": str(kafka.folder / "wrong.password")}, refused),
        "an unknown authority": ({"METAOPS_RDKAFKA_SSL_CA_LOCATION": str(kafka.folder / "other-ca.pem")},
                                 "certificate verify failed"),
    }
    for what, (settings, words) in ways.items():
        said = fails(pipe, "emit", "--kafka", "--quiet", "--retries", "0", "-", stdin=event("stranger") + b"\n",
                     **{**kafka.settings("emitter"), **settings})
        check(f"{what} is refused and named", True, words in said)
        role = pipe.gateway(**{**kafka.settings("gateway"), **settings})
        wait_until(f"a gateway with {what} says so", lambda: words in role.words(1 << 20))
        check(f"and answers 503 ({what})", 503, send(role, "stranger"))
        role.kill()


def alerts_work(pipe, kafka):
    """A message on the topic of alerts, written by the principal of alerters; without its right it waits."""
    routes = pipe.folder / "routes"
    routes.write_text("receiver.bus.type = kafka\nroute.all.receivers = bus\n")
    role = pipe.alerter(**kafka.settings("alerter"), METAOPS_ALERTS_ROUTES_FILE=str(routes),
                        METAOPS_ALERTS_BACKOFF_MS="200")
    message = ("insert into graph.alert_outbox (alert_id, what, alert) values (gen_random_uuid(), 'opened',"
               " '{\"kind\": \"schema\"}')")
    pipe.query(message)
    wait_until("an alert is on its topic", lambda: not pipe.query("select 1 from graph.alert_outbox"))
    kafka.forbid(rights_of("alerter"))
    pipe.query(message)
    wait_until("an alerter without its right notes why", lambda: "uthoriz" in (
        pipe.query("select coalesce(max(last_error), '') from metaops.alert_deliveries")[0][0]))
    kafka.allow(rights_of("alerter"))
    wait_until("and goes on once allowed", lambda: not pipe.query("select 1 from graph.alert_outbox"))
    check("the alerter ends well", 0, role.stop())


def poll_works(pipe, kafka):
    """Reads as one principal what it writes as another; without either's rights it says so."""
    source = "seldon.secure.model.iris.inputs"
    make_topic(kafka, source)
    producer = Producer(kafka.client("admin"))

    def predict(request):
        producer.produce(source, b'{"inputs":[]}', headers=[("x-request-id", request)])
        producer.flush(LIMIT_S)

    requests = "select coalesce(sum(requests), 0)::int from metaops.inference_windows where deployment = 'iris'"
    own = {"METAOPS_RDKAFKA_CONSUMER_SASL_USERNAME": "poll-source", "METAOPS_POLL_SELDON_V2_PREFIX": "seldon",
           "METAOPS_RDKAFKA_CONSUMER_SASL_PASSWORD_FILE": str(kafka.folder / "poll-source.password")}
    predict(b"one")
    role = pipe.poll(**kafka.settings("poll"), **own)
    wait_until("a prediction is in the graph", lambda: pipe.value(requests) == 1)
    kafka.forbid(rights_of("poll"))
    predict(b"two")
    wait_until("a poller that may not write is not ready", lambda: not is_ready(role))
    kafka.allow(rights_of("poll"))
    wait_until("what it read comes once it may", lambda: pipe.value(requests) == 2)
    before = len(role.words(1 << 20))
    kafka.forbid(rights_of("poll-source"))
    wait_until("a poller that may not read says so", lambda: "uthoriz" in role.words(1 << 20)[before:])
    wait_until("and ends", lambda: not role.runs())
    kafka.allow(rights_of("poll-source"))


def no_password_anywhere(pipe, kafka, roles):
    shown = pipe.run("worker", "--print-config", **kafka.settings("worker")).decode()
    logs = b"".join(path.read_bytes() for path in pipe.folder.glob("*.log")).decode(errors="replace")
    lines = b"".join(pathlib.Path(f"/proc/{role.process.pid}/{file}").read_bytes() for role in roles if role.runs()
                     for file in ("cmdline", "environ")).decode(errors="replace")
    for where, text in (("log", logs), ("command line or environment", lines), ("printed setting", shown)):
        check(f"no password in a {where}", [], [name for name, word in kafka.passwords.items() if word in text])


def everything(kafka):
    with Pipeline("secure", 2, TOPICS | LESS_PATIENT | kafka.settings("migrate")) as pipe:
        make_topic(kafka, OPENLINEAGE)
        check("check finds everything in order", "", fails(pipe, "check", **kafka.settings("check")))
        gateway, worker, enricher = start(pipe, kafka)
        roles_work(pipe, kafka, gateway, worker, enricher)
        keys_work(pipe, kafka)
        heads_work(pipe, kafka)
        alerts_work(pipe, kafka)
        poll_works(pipe, kafka)
        no_password_anywhere(pipe, kafka, [gateway, worker, enricher])
        nothing_beyond(kafka)
        refused_without(pipe, kafka, gateway, worker, enricher)
        strangers(pipe, kafka)
        no_password_anywhere(pipe, kafka, [gateway])
        scram_is_explained(pipe, kafka)
        by_certificate(pipe, kafka)


def start(pipe, kafka):
    gateway = pipe.gateway(**kafka.settings("gateway"))
    worker = pipe.worker(**kafka.settings("worker"), METAOPS_AUDIT_KEY_FILE=heads_key(pipe),
                         METAOPS_AUDIT_HEADS_INTERVAL_MS="1000")
    enricher = pipe.worker(2, **kafka.settings("enricher"), METAOPS_WORKER_SINK="kafka",
                           METAOPS_WORKER_GROUP="metaops-enriched")
    pipe.wait_ready()
    return gateway, worker, enricher


def by_certificate(pipe, kafka):
    """The other way that does without SCRAM: the name in a client's certificate is the principal."""
    words = ("emit", "--kafka", "--quiet", "--retries", "0", "-")
    saved = {name: pipe.environment.pop(name) for name in list(pipe.environment)
             if name.startswith("METAOPS_RDKAFKA_")}
    try:
        said = fails(pipe, *words, stdin=event("by certificate") + b"\n", **kafka.settings_with_certificate("emitter"))
        check("a certificate's name has the rights of that name", "", said)
        said = fails(pipe, *words, stdin=event("by certificate") + b"\n", **kafka.settings_with_certificate("reader"))
        check("and no others", True, "uthoriz" in said)
    finally:
        pipe.environment.update(saved)


def scram_is_explained(pipe, kafka):
    """Either it works, with a librdkafka that says its nonce once, or the log tells why it does not."""
    said = fails(pipe, "emit", "--kafka", "--quiet", "--retries", "0", "-", stdin=event("by scram") + b"\n", **{
        **kafka.settings("emitter"), "METAOPS_RDKAFKA_SASL_MECHANISM": "SCRAM-SHA-512"})
    check("SCRAM works here, or it is said why not", True, said == "" or "2.6.1" in said)


def by_scram(kafka):
    with Pipeline("scram", 2, TOPICS | LESS_PATIENT | kafka.settings("migrate")) as pipe:
        make_topic(kafka, OPENLINEAGE)
        roles = start(pipe, kafka)
        roles_work(pipe, kafka, *roles)
        strangers(pipe, kafka)
        no_password_anywhere(pipe, kafka, roles)


def with_broker(mechanism, jars, test):
    print(f"--- {mechanism}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        kafka = SecureKafka(pathlib.Path(folder), sorted({row[0] for row in rights()}), mechanism, jars)
        try:
            kafka.start()
            kafka.allow(rights())
            test(kafka)
        finally:
            kafka.stop()


def make_topic(kafka, name):
    for done in kafka.admin.create_topics([NewTopic(name, 2, 1)]).values():
        done.result(20)


def main():
    with_broker("PLAIN", os.environ["KAFKA_JARS"], everything)
    if "METAOPS_TEST_SHORT" in os.environ:
        print("a short round: without SCRAM at Kafka 3.7.1")
    else:
        with_broker("SCRAM-SHA-512", os.environ["OLDER_JARS"], by_scram)
    end()


main()
