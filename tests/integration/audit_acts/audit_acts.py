"""What operators may do to a store leaves the audit chain whole, and is an entry of their own chain: dead letters sent
again, positions accepted, alerts decided, bodies erased, rows taken by retention, a graph rebuilt. The same done behind
MetaOps' back is named. Erased bodies are nowhere in the database, whatever is stored against them, and do not come
back, though a worker still has them in memory or receives them again."""

import hashlib
import json
import subprocess
import time

from confluent_kafka import Producer

from audit_store import copy_of, is_whole, made, names, one, tampered, verify
from checks import check, end
from own_pipeline import LIMIT_S, PROGRAM, Pipeline, query, role_dsn, wait_until

DAY_S = 86400
MARK = "Marie-Curie-was-here"


def marked(number):
    """What is said of nothing in the graph, so that only bodies hold it."""
    return json.dumps(json.loads(made(number, "person")) | {"remark": f"{MARK} {number:06}"}).encode()


def fails(pipe, *words, **settings):
    done = subprocess.run([PROGRAM, *words], env={**pipe.environment, **settings}, capture_output=True, timeout=LIMIT_S)
    return done.returncode, (done.stdout + done.stderr).decode()


def acts(pipe, kind):
    return [detail for (detail,) in pipe.query("select detail from metaops.audit_acts where kind = %s order by sequence", kind)]


def id_of(body):
    return hashlib.sha256(body).hexdigest()[:32]


def found(pipe, text):
    """Rows of any table of ours that hold the text, as it is or as bytes."""
    tables = [name for (name,) in pipe.query(
        "select oid::regclass::text from pg_class where relnamespace in ('graph'::regnamespace, 'metaops'::regnamespace)"
        " and relkind = 'r'")]
    like = f"%{text}%", f"%{text.encode().hex()}%"
    return [table for table in tables if pipe.query(
        f"select 1 from {table} t where t::text like %s or t::text like %s limit 1", *like)]


def retry(pipe):
    pipe.produce(pipe.topic, [(0, None, b"\x00 bad"), (1, None, b"\x00 worse")])
    pipe.wait_stored()
    pipe.run("dead-letters", "retry", "--all")
    pipe.wait_stored()
    letters = sorted(str(letter) for (letter,) in pipe.query("select letter_id from metaops.dead_letters"))
    check("letters sent again are an act", [letters], [sorted(act["letters"]) for act in acts(pipe, "retry")])
    check("with who did it", pipe.value("select session_user"), pipe.value("select done_by from metaops.audit_acts"))
    is_whole(pipe, "letters sent again: whole")


def accept(pipe, worker):
    """A partition begins anew: everything in it comes again."""
    worker.stop()
    stood_at = pipe.value(f"update graph.offsets set stopped_reason = 'test' where topic = '{pipe.topic}' and partition = 0"
                          " returning next_offset")
    said = pipe.run("offsets", "accept", METAOPS_POSTGRES_CONNINFO=role_dsn("writer", pipe.database)).decode()
    check("the writer may accept", True, f"accepted {pipe.topic} partition 0" in said)
    check("which is an act", [{"topic": pipe.topic, "partition": 0, "stood_at": stood_at, "reason": "test"}], [
        {name: place[name] for name in ("topic", "partition", "stood_at", "reason")}
        for act in acts(pipe, "accept") for place in act["partitions"]])
    check("nothing more is accepted", "nothing is stopped\n", pipe.run("offsets", "accept").decode())
    check("which is none", 1, len(acts(pipe, "accept")))
    is_whole(pipe, "accepted and not yet read: whole")
    worker.start()
    pipe.wait_stored()
    is_whole(pipe, "read anew: whole")


def decide(pipe):
    alert = "0190a0a0-0000-7000-8000-000000000001"
    pipe.query(f"select graph.raise_alert('{alert}', 'test', 'info', 2::smallint, '{alert}', null, 'title', '{{}}', '[]',"
               " now(), null, false, null)")
    pipe.query(f"select metaops.acknowledge_alert('{alert}', 'it''s mine')")
    pipe.query(f"select metaops.acknowledge_alert('{alert}', 'again')")
    check("a decision is an act, once", [{"alert": alert, "decision": "acknowledged", "note": "it's mine"}],
          acts(pipe, "alert"))
    is_whole(pipe, "decided: whole")


def stored(pipe, bodies):
    pipe.emit(bodies)
    pipe.wait_stored()


def erase(pipe, worker):
    """The first of its kind is what the others are stored against, in the database and in the worker."""
    first, others = marked(1), [marked(number) for number in range(2, 60)]
    stored(pipe, [first])
    stored(pipe, others)
    event = id_of(first)
    check("others are stored against it", True, pipe.value(
        f"select count(*) from graph.events where body_base = '{event}'") > 50)
    graph, count = pipe.checksum(), pipe.value("select count(*) from metaops.events")
    said = pipe.run("erase", event, "--reason", 'asked for, § 17 "GDPR"').decode()
    print(said)
    check("what was done is told", (True, True), ("erased     1 bodies" in said, "kept       58 bodies" in said))
    check("and where Kafka has it", True, f"{pipe.topic} partition" in said)
    check("the body is nowhere", [], found(pipe, f"{MARK} 000001"))
    body = json.loads(pipe.value(f"select metaops.event_body('{event}')"))
    check("and says so", (True, 'asked for, § 17 "GDPR"'), (body["erased"], body["reason"]))
    check("to readers too", [('asked for, § 17 "GDPR"',)], query(
        role_dsn("reader", pipe.database), f"select reason from metaops.erasures where event_id = '{event}'"))
    check("the others are what was sent", sorted(others), bodies_of(pipe))
    check("the graph is the same", (graph, count), (pipe.checksum(), pipe.value("select count(*) from metaops.events")))
    check("it is an act", [([event], [])], [
        ([number.replace("-", "") for number in act["events"]], act["letters"]) for act in acts(pipe, "erase")])
    lines = is_whole(pipe, "erased: whole")
    check("and told", True, any("1 erased by request" in line for line in lines))
    comes_not_back(pipe, worker, first, others)


def bodies_of(pipe):
    return sorted(body.encode() for (body,) in pipe.query(
        "select metaops.event_body(event_id) from metaops.events where job_name = 'person'") if '"erased"' not in body)


def comes_not_back(pipe, worker, first, others):
    more = [marked(number) for number in range(60, 90)]
    stored(pipe, more)
    check("a worker that has it in memory stores without it", True, "reading again" in worker.words(1 << 20))
    stored(pipe, [first] + more[:5])
    again = [marked(number) for number in range(90, 100)]
    worker.stop()
    worker.start()
    stored(pipe, [first])
    check("received again alone it leaves nothing", [], found(pipe, f"{MARK} 000001"))
    stored(pipe, [first] + again)
    check("received again it is a duplicate, and nothing is stored against it", [], found(pipe, f"{MARK} 000001"))
    check("all others are what was sent", sorted(others + more + again), bodies_of(pipe))
    is_whole(pipe, "received again: whole")
    check("the worker lives", True, worker.runs())


def erase_letters(pipe):
    """Of an event that never landed: only its letter is there."""
    letter, offset = one(pipe, "select letter_id, kafka_offset from metaops.dead_letters where partition = 1 limit 1")
    pipe.run("erase", str(letter), "--reason", "a token in it")
    check("a letter's bytes are gone", (0, "erased"), (
        pipe.value(f"select value_bytes from metaops.dead_letters where letter_id = '{letter}'"),
        json.loads(pipe.run("dead-letters", "list", "--json").decode().splitlines()[-1]) and
        next(line.split()[3] for line in pipe.run("dead-letters", "list").decode().splitlines()
             if line.startswith(str(letter)))))
    code, said = fails(pipe, "dead-letters", "retry", str(letter))
    check("it cannot be sent again", (1, True), (code, "were erased" in said))
    pipe.run("dead-letters", "retry", "--all")
    is_whole(pipe, "a letter erased: whole")
    return letter, offset


def refused(pipe):
    before = len(acts(pipe, "erase"))
    event = pipe.value("select event_id from metaops.events where job_name = 'person' order by kafka_offset desc limit 1")
    unknown = "aaaaaaaa-0000-0000-0000-000000000000"
    code, said = fails(pipe, "erase", str(event), unknown, "--reason", "x")
    check("an event that is not there: nothing is erased", (1, True), (code, f"no event {unknown}" in said))
    for words in ([str(event)], [str(event), "--reason", ""], ["--reason", "x"], [str(event), "--why", "x"]):
        check(f"refused: {words[1:]}", 2, fails(pipe, "erase", *words)[0])
    check("no id", 1, fails(pipe, "erase", "one", "--reason", "x")[0])
    code, said = fails(pipe, "erase", str(event), "--reason", "x",
                       METAOPS_POSTGRES_CONNINFO=role_dsn("writer", pipe.database))
    check("the writer may not", (1, True), (code, "permission denied" in said))
    check("nothing was done", (before, True), (len(acts(pipe, "erase")), MARK in pipe.value(
        f"select metaops.event_body('{event}')")))
    return event


def tamper_erased(pipe, letter, offset, event):
    tampered(pipe, "bytes put back for an erased letter",
             f"update graph.dead_letters set value = 'x' where letter_id = '{letter}'",
             f".*/1 offset {offset}: dead letter {letter} was altered: .*")
    tampered(pipe, "a body erased without an act",
             f"update graph.events set body = '', body_base = null where event_id = '{event}';"
             f" insert into graph.erasures values ('{event}', 1)",
             f".*: the body of event {event} was removed: no act says that it was erased or expired")


def tamper_acts(pipe):
    row = pipe.value("select sequence from metaops.audit_acts where kind = 'erase' order by 1 limit 1")
    altered = rf"operators' acts: row {row} was altered: it does not give its hash behind row {row - 1}"
    for column, value in (("detail", "replace(detail, 'asked for', 'not asked for')"), ("done_by", "'nobody'"),
                          ("done_at", "now()"), ("kind", "'accept'")):
        with copy_of(pipe) as dsn:
            query(dsn, f"update graph.audit_acts set {column} = {value} where sequence = {row}")
            code, faults, _ = verify(pipe, dsn=dsn)
        names(f"an act's {column} altered", [altered], code, faults[:1])
    with copy_of(pipe) as dsn:
        query(dsn, f"delete from graph.audit_acts where sequence = {row}")
        code, faults, _ = verify(pipe, dsn=dsn)
    names("an act removed", [f"operators' acts: row {row} was removed"], code, faults[:1])


def produce_aged(pipe, topic, numbers, days):
    """As JSON on a topic of a client's own: received when the record says."""
    producer = Producer({"bootstrap.servers": pipe.environment["METAOPS_KAFKA_BROKERS"]})
    for number in numbers:
        producer.produce(topic, made(number, f"received-{days}-days-ago-{number % 3}"), partition=0,
                         timestamp=int((time.time() - days * DAY_S) * 1000))
    producer.flush(20)
    pipe.wait_stored(topic=topic)


def retention(pipe, worker, topic):
    for at in range(1000, 1060, 10):
        produce_aged(pipe, topic, range(at, at + 10), 100)
    for at in range(1060, 1080, 10):
        produce_aged(pipe, topic, range(at, at + 10), 5)
    is_whole(pipe, "before retention: whole")
    days = {"METAOPS_POSTGRES_RETENTION_DAYS": "30"}
    pipe.run("maintain", **days)
    kept = pipe.value("select count(*) from graph.events where topic = %s and received_at < now() - interval '30 days'", topic)
    check("what the graph leans on is kept without its body", True, 0 < kept < 10)
    lines = is_whole(pipe, "events expired: whole")
    expired = 60 - kept
    check("how many is told", True, any(line.startswith("events") and f"{expired} expired" in line for line in lines))
    code, said = fails(pipe, "maintain", **days, METAOPS_POSTGRES_AUDIT_RETENTION_DAYS="29")
    check("what is kept has to be proven", (1, True), (code, "has to be no less than" in said))

    days["METAOPS_POSTGRES_AUDIT_RETENTION_DAYS"] = "40"
    rows = "select count(*) from metaops.audit where topic = %s"
    before, marks = pipe.value(rows, topic), len(acts(pipe, "anchor"))
    check("dry run tells", True, "audit" in pipe.run("maintain", "--dry-run", **days).decode())
    check("and does nothing", (before, marks), (pipe.value(rows, topic), len(acts(pipe, "anchor"))))
    hashes = dict(pipe.query("select sequence, hash from metaops.audit where topic = %s", topic))
    pipe.run("maintain", **days)
    anchor = acts(pipe, "anchor")[-1]
    check("rows of the chain are gone", True, 0 < pipe.value(rows, topic) < before)
    check("the last one's hash is left", (topic, hashes[anchor["sequence"]], 60), (
        anchor["topic"], anchor["hash"], anchor["next_offset"]))
    check("the chain begins behind it", anchor["sequence"] + 1, pipe.value(
        "select min(sequence) from metaops.audit where topic = %s", topic))
    lines = is_whole(pipe, "chain shortened: whole")
    check("what is not proven any more is told", True, any(
        line.startswith("not proven") and f"{kept} rows whose part of the chain retention has taken" in line
        for line in lines))
    worker.stop()
    behind_an_anchor(pipe, topic, anchor)
    worker.start()
    pipe.run("maintain", **days)
    check("again: nothing more to do", marks + 1, len(acts(pipe, "anchor")))
    produce_aged(pipe, topic, range(1080, 1090), 0)
    is_whole(pipe, "and the chain goes on: whole")


def behind_an_anchor(pipe, topic, anchor):
    chain, row = f"{topic}/0".replace(".", r"\."), anchor["sequence"] + 1
    stream = f"(select stream_id from graph.audit_streams where topic = '{topic}' and partition = 0)"
    tampered(pipe, "the first row behind an anchor removed",
             f"delete from graph.audit where stream_id = {stream} and sequence = {row}", f"{chain}: row {row} was removed")
    tampered(pipe, "the first row behind an anchor altered",
             f"update graph.audit set written_at = now() where stream_id = {stream} and sequence = {row}",
             f"{chain}: row {row} was altered: it does not give its hash behind row {row - 1}")
    with copy_of(pipe) as dsn:
        query(dsn, f"update graph.audit_acts set detail = replace(detail, '{anchor['hash']}', '{'0' * 64}')")
        code, faults, _ = verify(pipe, dsn=dsn)
    names("an anchor's hash altered", [
        f"{chain}: row {row} was altered.*"], code, [fault for fault in faults if fault.startswith(topic)])
    check("an anchor's hash altered: the act too", True, any("operators' acts" in fault for fault in faults))
    event = pipe.value("select event_id from graph.events where topic = %s and kafka_offset = 65", topic)
    tampered(pipe, "a young event removed", f"delete from graph.events where event_id = '{event}';"
             f" delete from graph.event_ids where event_id = '{event}'", f"{chain}: 1 event of row .* was removed")
    old = pipe.value("select event_id from graph.events where topic = %s and kafka_offset = 66", topic)
    tampered(pipe, "a young event said to be old",
             f"update graph.events set received_at = received_at - interval '99 days' where event_id = '{old}';"
             f" update graph.event_ids set received_at = received_at - interval '99 days' where event_id = '{old}'",
             f"{chain} offset 66: event {old} was altered: .*")


def rebuild(pipe):
    graph = pipe.checksum()
    pipe.run("rebuild", "--merge")
    check("rebuilt: the same graph", graph, pipe.checksum())
    is_whole(pipe, "rebuilt: whole")


def main():
    with Pipeline("acts", 2) as pipe:
        topic = f"{pipe.name}.json"
        pipe.make_topic(topic, 1)
        pipe.environment["METAOPS_INGEST_OPENLINEAGE_TOPICS"] = topic
        worker = pipe.worker()
        pipe.wait_ready()
        retry(pipe)
        accept(pipe, worker)
        decide(pipe)
        erase(pipe, worker)
        letter, offset = erase_letters(pipe)
        event = refused(pipe)
        worker.stop()
        tamper_erased(pipe, letter, offset, event)
        tamper_acts(pipe)
        worker.start()
        retention(pipe, worker, topic)
        rebuild(pipe)
        check("the worker ends well", 0, worker.stop())
    end()


main()
