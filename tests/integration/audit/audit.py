"""`metaops audit verify`: a store as it came in has no fault; then the owner of the database alters, removes and inserts
rows of every kind in copies of it, and each is named."""

import re

from audit_store import copy_of, made, one, tampered, verify
from checks import check, end
from own_pipeline import Pipeline, post, query, role_dsn, test_events, wait_until


def fill(pipe):
    """Events, some of them twice, in batches; letters; keys; refusals. The worker is stopped at the end."""
    worker = pipe.worker()
    gateway = pipe.gateway(METAOPS_INGEST_AUTH="required", METAOPS_INGEST_REFUSALS_INTERVAL_MS="100")
    pipe.wait_ready()
    key = pipe.run("keys", "add", "airflow", "--namespace", "audit", "--namespace", 'with "quotes"').decode().strip()
    gone = pipe.run("keys", "add", "gone").decode()
    pipe.run("keys", "revoke", gone.split("_")[1])
    for _ in range(3):
        status, _, _ = post(f"{gateway.url}/api/v1/lineage", made(1))
        check("refused without a key", 401, status)
    wait_until("the key is known", lambda: post(
        f"{gateway.url}/api/v1/lineage", made(0), Authorization=f"Bearer {key}")[0] == 201)
    for number in range(20):
        post(f"{gateway.url}/api/v1/lineage", made(number), Authorization=f"Bearer {key}")
    lines = test_events()
    for at in range(0, len(lines), 60):
        pipe.emit(lines[at:at + 90])
        pipe.wait_stored()
    pipe.produce(pipe.topic, [(0, None, b"\x00 bad"), (1, None, b"\x00 worse"), (0, None, b"\x00 bad")])
    wait_until("refusals", lambda: pipe.value("select count(*) from graph.refusals") > 0)
    pipe.wait_stored()
    pipe.wait_stored(topic=pipe.keys_topic)
    gateway.stop()
    pipe.wait_stored()
    check("the worker ends well", 0, worker.stop())


def tamper_events(pipe):
    """An event amid its row of the chain, and its place."""
    event, offset, partition = one(pipe, f"""
        select event_id, kafka_offset, kafka_partition from graph.events
        where topic = '{pipe.topic}' and octet_length(body) > 0 and body_base is null
        order by kafka_partition, kafka_offset offset 1 limit 1""")
    sequence, first, behind = one(pipe, f"""
        select sequence, from_offset, next_offset from metaops.audit where kind = 'events' and topic = '{pipe.topic}'
            and partition = {partition} and from_offset <= {offset} and next_offset > {offset}""")
    chain = re.escape(f"{pipe.topic}/{partition}")
    place = f"{chain} offset {offset}"
    altered = f"{place}: event {event} was altered: it does not give its digest in row {sequence} of the chain"
    removed = f"{chain}: 1 event of row {sequence} of the chain \\(offsets {first} to {behind - 1}\\) was removed"
    of = f"where event_id = '{event}'"
    for column, value in (("principal", "'somebody'"), ("received_at", "received_at + interval '1 microsecond'"),
                          ("source", "(source + 1) % 3"),
                          ("emitter_id", "'m'"), ("idempotency_key", "'again'")):
        more = [f"{place}: the id of event {event} has another time of receipt in the ledger"]
        tampered(pipe, f"an event's {column} altered", f"update graph.events set {column} = {value} {of}", altered,
                 *(more if column == "received_at" else []))
    tampered(pipe, "an event's body altered", f"update graph.events set body = '{{}}' {of}",
             f"{place}: the body of event {event} was altered: it does not give its event's id")
    tampered(pipe, "an event's body removed", f"update graph.events set body = '' {of}",
             f"{place}: the body of event {event} was removed: no act says that it was erased or expired")
    tampered(pipe, "an event removed", f"delete from graph.events {of}", removed,
             f"ledger: nothing stands for id {event}, received .*")
    tampered(pipe, "an event and its id removed", f"delete from graph.events {of}; delete from graph.event_ids {of}",
             removed)
    tampered(pipe, "an event's id removed, so that it would count twice", f"delete from graph.event_ids {of}",
             f"{place}: the id of event {event} was removed from the ledger")
    copied = f"""
        insert into graph.events select 'aaaaaaaa-0000-0000-0000-000000000000', event_time, received_at, run_uuid,
            statement_id, body_base, kafka_offset, body_bytes, kafka_partition, redactions, source, topic, event_type,
            facet_digests, body, principal, emitter_id, emitter_epoch, emitter_sequence, idempotency_key
        from graph.events {of};
        insert into graph.event_ids select 'aaaaaaaa-0000-0000-0000-000000000000', received_at
        from graph.events {of}"""
    tampered(pipe, "an event inserted", copied,
             f"{place}: event aaaaaaaa-0.* was inserted: it is in no row of the chain", ".* was altered: it does not .*")
    tampered(pipe, "an event inserted for a topic that was never read",
             copied + "; update graph.events set topic = 'zzz' where event_id = 'aaaaaaaa-0000-0000-0000-000000000000'",
             "zzz/.*: 1 event was inserted: the partition has no chain", ".* was altered: it does not .*")
    tampered(pipe, "an id inserted, so that its event would be a duplicate",
             "insert into graph.event_ids values ('aaaaaaaa-0000-0000-0000-000000000000', now())",
             "ledger: nothing stands for id aaaaaaaa-.*")
    tampered(pipe, "a body that others are stored against removed",
             "delete from graph.body_bases where base_id = (select body_base from graph.events"
             " where body_base is not null group by 1 having count(*) = 1 limit 1)",
             ".*: the body of event .* cannot be read: the body that it is stored against was removed")


def tamper_others(pipe):
    letter, offset = one(pipe, "select letter_id, kafka_offset from graph.dead_letters where partition = 0")
    place = re.escape(f"{pipe.topic}/0")
    tampered(pipe, "a letter's bytes altered", f"update graph.dead_letters set value = 'x' where letter_id = '{letter}'",
             f"{place} offset {offset}: dead letter {letter} was altered: .*")
    tampered(pipe, "a letter's reason altered", f"update graph.dead_letters set reason = 'x' where letter_id = '{letter}'",
             f"{place} offset {offset}: dead letter {letter} was altered: .*")
    tampered(pipe, "a letter removed", f"delete from graph.dead_letters where letter_id = '{letter}'",
             f"{place}: 1 dead letter of row [0-9]+ of the chain .* was removed")
    tampered(pipe, "a letter inserted", "insert into graph.dead_letters (letter_id, failed_at, stage, reason, topic,"
             f" partition, kafka_offset, value) values (gen_random_uuid(), now(), 'x', 'x', '{pipe.topic}', 0, 0, '')",
             f"{place} offset 0: dead letter .* was inserted: .*")
    keys = re.escape(f"{pipe.keys_topic}/0")
    for column, value in (("changed_by", "'nobody'"), ("namespaces", "'{}'"), ("expires_at", "now()")):
        tampered(pipe, f"a key's {column} altered", f"update graph.key_changes set {column} = {value} where name = 'airflow'",
                 f"{keys} offset 0: change of keys .* was altered: .*")
    tampered(pipe, "a revocation removed", "delete from graph.key_changes where revoked",
             f"{keys}: 1 change of keys of row .* was removed", "ledger: nothing stands for id .*")
    tampered(pipe, "a refusal altered", "update graph.refusals set count = count + 1 where ordinal = 0"
             " and event_id = (select min(event_id::text)::uuid from graph.refusals)",
             "refusals: report .* was altered or inserted", ".*: 1 report of refusals of row .* was removed")
    tampered(pipe, "refusals removed", "delete from graph.refusals"
             " where event_id = (select min(event_id::text)::uuid from graph.refusals)",
             ".*: 1 report of refusals of row .* was removed", "ledger: nothing stands for id .*")


def tamper_chain(pipe):
    """A row of events amid the chain of partition 0, its neighbours, and the end."""
    chain = re.escape(f"{pipe.topic}/0")
    stream, last = one(pipe, f"""select stream_id, max(sequence) from graph.audit join graph.audit_streams using (stream_id)
                                 where topic = '{pipe.topic}' and partition = 0 group by 1""")
    row = pipe.value(f"""select min(sequence) from graph.audit where stream_id = {stream} and kind = 1
                         and sequence between 2 and {last} - 1 and octet_length(digests) > 0""")
    of = f"where stream_id = {stream} and sequence"
    altered = f"{chain}: row {row} was altered: it does not give its hash behind row {row - 1}"
    for column, value in (("written_at", "now()"), ("received_from", "now()")):
        tampered(pipe, f"a row's {column} altered", f"update graph.audit set {column} = {value} {of} = {row}", altered)
    tampered(pipe, "a row's hash altered", f"update graph.audit set hash = sha256(hash) {of} = {row}", altered,
             f"{chain}: row {row + 1} was altered: it does not give its hash behind row {row}")
    tampered(pipe, "the end of a chain cut", f"delete from graph.audit {of} = {last}",
             f"{chain}: the chain ends at offset .*, the partition stands at .*: rows were cut from its end.*")
    tampered(pipe, "a row inserted at the end of a chain",
             f"insert into graph.audit select stream_id, 2, sequence + 1, from_offset, next_offset, received_from,"
             f" received_until, written_at, '', hash from graph.audit {of} = {last}",
             f"{chain}: row {last + 1} was altered: it does not give its hash behind row {last}")
    # The events that it stood for are no faults of their own.
    tampered(pipe, "a row amid a chain removed", f"delete from graph.audit {of} = {row}", f"{chain}: row {row} was removed")
    with copy_of(pipe) as dsn:
        query(dsn, f"update graph.audit_streams set topic = 'other' where stream_id = {stream}")
        code, faults, _ = verify(pipe, dsn=dsn)
    check("a chain's name altered: named first", (
        1, "other/0: the chain's name or beginning in graph.audit_streams was altered"), (code, faults[0]))
    tampered(pipe, "a position altered", f"update graph.offsets set next_offset = next_offset - 1 where partition = 0"
             f" and topic = '{pipe.topic}'", f"{chain}: the chain ends at offset .*, the partition stands at .*")
    tampered(pipe, "a position removed", f"delete from graph.offsets where partition = 0 and topic = '{pipe.topic}'",
             f"{chain}: its position was removed from graph.offsets")


def others_say_what_they_do_not_see(pipe):
    code, faults, lines = verify(pipe, dsn=role_dsn("reader", pipe.database))
    unseen = [line.split(None, 3)[3] for line in lines if line.startswith("not looked at")]
    check("a reader finds no fault, and says what it may not read", (0, [], [
        f"{what}: this role may not read them" for what in (
            "the ledger of ids", "refusals", "dead letters", "changes of keys")]), (code, faults, unseen))
    code, faults, lines = verify(pipe, dsn=role_dsn("writer", pipe.database))
    check("a writer proves nothing", (1, [], True), (code, faults, any("permission denied" in line or "may not read" in line
                                                                      for line in lines)))
    code, faults, lines = verify(pipe, "--no-bodies")
    check("bodies that are left out are named", (0, ["bodies (--no-bodies)"]), (code, [
        line.split(None, 3)[3] for line in lines if line.startswith("not looked at")]))


def main():
    with Pipeline("audit", 3) as pipe:
        fill(pipe)
        code, faults, lines = verify(pipe)
        print("\n".join(faults + lines))
        check("a store as it came in has no fault", (0, []), (code, faults))
        others_say_what_they_do_not_see(pipe)
        tamper_events(pipe)
        tamper_others(pipe)
        tamper_chain(pipe)
    end()


main()
