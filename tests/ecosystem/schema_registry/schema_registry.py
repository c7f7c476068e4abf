"""Confluent's wire format with a real registry. Schemas are registered by migrate, each id is asked for
once however many records there are, and what others know of the format can read ours. A registry that
goes away is not missed by those who have the ids; without them a gateway answers 503 and a worker
waits. Both framings may stand in one topic. What no schema of ours wrote is a dead letter."""

import io
import json
import pathlib
import struct
import tempfile
import urllib.error
import urllib.request

import fastavro

from avro_records import event_record
from checks import check, end
from own_pipeline import ROOT, Pipeline, metric, post, wait_until
from registry import Registry

ASKED = "metaops_schema_registry_requests_total"
FOREIGN = {"type": "record", "name": "Other", "fields": [{"name": "x", "type": "string"}]}


def event(job, number=0):
    return json.dumps({"eventTime": f"2026-03-01T10:00:{number:02d}Z",
                       "job": {"namespace": "registry", "name": job}}).encode()


def send(gateway, bodies):
    return sorted({post(f"{gateway.url}/api/v1/lineage", body)[0] for body in bodies})


def not_ready_because(role):
    try:
        urllib.request.urlopen(f"{role.admin_url}/readyz", timeout=5)
        return ""
    except urllib.error.HTTPError as refused:
        return refused.read().decode()
    except OSError:
        return None  # it does not listen yet


def read(registry, value):
    """As any reader of the format does: zero, id, then what the registry's schema says."""
    zero, number = struct.unpack(">bI", value[:5])
    assert zero == 0, value[:10]
    _, answer = registry.json("GET", f"/schemas/ids/{number}")
    schema = fastavro.parse_schema(json.loads(answer["schema"]))
    return fastavro.schemaless_reader(io.BytesIO(value[5:]), schema)


def releases(pipe, registry):
    said = pipe.run("migrate", "--schemas").decode()
    files = sorted(path.name for path in (ROOT / "schemas/avro").glob("*.avsc"))
    check("migrate registers every released schema", files,
          sorted(line.split()[1].rstrip(":") for line in said.splitlines() if ": registered, id " in line))
    topics = (pipe.topic, pipe.dead_topic, f"{pipe.name}.alerts", f"{pipe.name}.enriched")
    subjects = sorted(f"{topic}-value" for topic in topics)
    check("below the subjects of its topics", subjects, sorted(registry.json("GET", "/subjects")[1]))
    check("with full transitive compatibility", {"FULL_TRANSITIVE"},
          {registry.json("GET", f"/config/{subject}")[1]["compatibilityLevel"] for subject in subjects})
    look = [line for line in pipe.run("check").decode().splitlines() if "schema registry" in line]
    check("check sees them", [True], [f"{len(files)} schemas" in line for line in look])
    again = pipe.run("migrate", "--schemas").decode()
    check("a second time nothing changes", said.replace("registered", "as it was"), again)


def refuses(pipe, registry):
    """Somebody has another schema below our subject: ours would break its readers."""
    topic = f"{pipe.name}.taken"
    registry.register(f"{topic}-value", FOREIGN)
    try:
        pipe.run("migrate", "--schemas", METAOPS_KAFKA_TOPIC_EVENTS=topic)
        said = "nothing"
    except AssertionError as refused:
        said = str(refused)
    check("an incompatible schema is refused in the registry's words", True, "Incompatible artifact" in said)
    check("and not registered", [1], registry.json("GET", f"/subjects/{topic}-value/versions")[1])


def registers_itself(pipe, registry):
    topic = f"{pipe.name}.auto"
    pipe.run("migrate", "--kafka", METAOPS_KAFKA_TOPIC_EVENTS=topic)
    pipe.run("emit", "--kafka", "--quiet", "-", stdin=event("itself") + b"\n", METAOPS_KAFKA_TOPIC_EVENTS=topic,
             METAOPS_SCHEMA_REGISTRY_AUTO_REGISTER="yes")
    check("auto_register registers what is written", 200, registry.json("GET", f"/subjects/{topic}-value/versions")[0])
    check("and the record is framed", 0, pipe.records(topic)[0][3][0])


def writes_and_caches(pipe, registry):
    gateway = pipe.gateway()
    pipe.wait_ready()
    asked = len(registry.requests)
    bodies = [event("cached", number) for number in range(40)]
    check("the gateway takes events", [201], send(gateway, bodies))
    check("and asks nothing for them", asked, len(registry.requests))
    check("it has asked once", 1.0, metric(gateway.admin_url, ASKED))
    read_bodies = [read(registry, value)["body"] for _, _, _, value in pipe.records(pipe.topic)]
    check("others can read them", sorted(bodies), sorted(read_bodies))
    return gateway, bodies


def both_framings(pipe, registry, bodies):
    plain = [event("plain", number) for number in range(10)]
    pipe.produce(pipe.topic, [(None, b"k", event_record(body)) for body in plain])
    pipe.emit([event("emitted", number) for number in range(5)])
    worker = pipe.worker()
    pipe.wait_ready()
    pipe.wait_stored()
    rows = pipe.query("select job_name, count(*) from metaops.events group by 1 order by 1")
    check("both framings are events", [("cached", len(bodies)), ("emitted", 5), ("plain", 10)], rows)
    check("none is a dead letter", [], pipe.query("select reason from metaops.dead_letters"))
    return worker


def foreign_ids(pipe, registry, worker):
    number = registry.register("somebody.else-value", FOREIGN)
    asked = len(registry.requests)
    head = struct.pack(">bI", 0, number)
    values = [head + b"\x02" + bytes([0x61 + i]) for i in range(20)]
    values += [struct.pack(">bI", 0, 999999) + bytes([i]) for i in range(20)]
    pipe.produce(pipe.topic, [(1, b"k", value) for value in values])
    pipe.wait_stored()
    reasons = {reason for (reason,) in pipe.query("select reason from metaops.dead_letters")}
    check("another schema and no schema: dead letters", 40, pipe.value("select count(*) from metaops.dead_letters"))
    check("with the reason", [True, True], [any("a schema nobody released" in reason for reason in reasons),
                                           any("schema id 999999" in reason for reason in reasons)])
    check("each id was asked for once", [f"GET /base/schemas/ids/{number}", "GET /base/schemas/ids/999999"],
          registry.requests[asked:])
    letters = [read(registry, value)["value"] for _, _, _, value in pipe.records(pipe.dead_topic)]
    check("and the letters on the topic have the registry's framing", sorted(values), sorted(letters))
    check("the worker is well", True, worker.runs())


def enriched_for_others(pipe, registry):
    """The sink kafka: framed as the registry has it, and places itself again from such records."""
    settings = {"METAOPS_WORKER_SINK": "kafka", "METAOPS_WORKER_GROUP": f"{pipe.name}-enriched"}
    topic = f"{pipe.name}.enriched"
    expected = pipe.value("select count(*) from metaops.events")
    role = pipe.worker(3, **settings)
    wait_until("all events are enriched", lambda: sum(pipe.ends(topic).values()) >= expected)
    jobs = [read(registry, value)["job_name"] for _, _, _, value in pipe.records(topic)]
    check("enriched events are framed and read", [40, 5, 10], [jobs.count(j) for j in ("cached", "emitted", "plain")])
    role.stop()
    role = pipe.worker(4, **settings)
    pipe.emit([event("after a restart")])
    wait_until("the new one is there", lambda: sum(pipe.ends(topic).values()) > expected)
    check("and nothing twice", expected + 1, sum(pipe.ends(topic).values()))
    role.stop()


def registry_away(pipe, registry, gateway, worker):
    registry.is_open = False
    check("who has the id goes on without the registry", [201], send(gateway, [event("away", n) for n in range(5)]))
    pipe.wait_stored()
    check("and the worker reads them", 5, pipe.value("select count(*) from metaops.events where job_name = 'away'"))
    fresh = pipe.gateway()
    wait_until("the new gateway listens", lambda: not_ready_because(fresh))
    check("a gateway that starts without it answers 503", [503], send(fresh, [event("too early", 1)]))
    check("and says why it is not ready", True, wait_until(
        "the reason", lambda: "schema registry" in (not_ready_because(fresh) or "")))
    worker.stop()
    send(gateway, [event("waits", n) for n in range(5)])
    again = pipe.worker(2)
    wait_until("the worker has met the id", lambda: "no answer yet" in again.words(20000))
    check("a worker that does not know the id waits", 0, pipe.value(
        "select count(*) from metaops.events where job_name = 'waits'"))
    check("nothing becomes a dead letter", 40, pipe.value("select count(*) from metaops.dead_letters"))
    registry.is_open = True
    pipe.wait_stored()
    check("when the registry is back, they are stored", 5, pipe.value(
        "select count(*) from metaops.events where job_name = 'waits'"))
    wait_until("the gateway is ready", lambda: not_ready_because(fresh) == "")
    check("and the gateway takes events", [201], send(fresh, [event("late", 1)]))


def says_no_secret(pipe, registry):
    shown = pipe.run("worker", "--print-config").decode()
    logs = b"".join(path.read_bytes() for path in pipe.folder.glob("*.log")).decode(errors="replace")
    check("the password is in no log and no printed setting", [], [
        word for word in ("s3cret%20word", "s3cret word") if word in shown + logs])


def main():
    with tempfile.TemporaryDirectory() as folder:
        registry = Registry(pathlib.Path(folder))
        try:
            with Pipeline("registry", 2, {"METAOPS_SCHEMA_REGISTRY_URL": registry.url}) as pipe:
                registry.wait()
                releases(pipe, registry)
                refuses(pipe, registry)
                registers_itself(pipe, registry)
                gateway, bodies = writes_and_caches(pipe, registry)
                worker = both_framings(pipe, registry, bodies)
                enriched_for_others(pipe, registry)
                foreign_ids(pipe, registry, worker)
                registry_away(pipe, registry, gateway, worker)
                says_no_secret(pipe, registry)
        finally:
            registry.stop()
    end()


main()
