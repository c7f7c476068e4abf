"""A topic that does not continue where the database stands is not read on: made anew with fewer records,
made anew with as many others, or cut in front of the position. The worker says so, is not ready, and
goes on after `metaops offsets accept`; a topic cut behind the position goes on by itself, and so does one with
transactions, whose markers take offsets. Of two workers with one instance id one ends with a message, and nothing is stored twice."""

import json
import os
import urllib.error
import urllib.request

from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from checks import check, end
from own_pipeline import Pipeline, wait_until


def events(begin, count):
    return [
        json.dumps({
            "eventTime": "2026-03-01T10:00:00Z",
            "job": {"namespace": "positions", "name": f"job-{number}"},
        }).encode()
        for number in range(begin, begin + count)
    ]


def readiness(worker):
    try:
        with urllib.request.urlopen(f"{worker.admin_url}/readyz", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()
    except OSError as away:
        return 0, str(away)


def count(pipe):
    return pipe.value("select count(*) from metaops.events")


def finish(futures):
    for done in futures.values():
        done.result(20)


def make_anew(pipe, admin):
    finish(admin.delete_topics([pipe.topic]))
    wait_until("the topic is gone", lambda: pipe.topic not in admin.list_topics(timeout=10).topics)

    def is_made():
        made = admin.create_topics([NewTopic(pipe.topic, 1, 1)])[pipe.topic]
        return made.exception(20) is None

    wait_until("the topic is made anew", is_made)


def cut(pipe, admin, offset):
    finish(admin.delete_records([TopicPartition(pipe.topic, 0, offset)]))


def after(what, disturb, more, landed_before, landed_after):
    """100 events are stored, the worker ends, something happens to the topic, more events come."""
    admin = AdminClient({"bootstrap.servers": os.environ["METAOPS_KAFKA"]})
    with Pipeline("positions", 1) as pipe:
        worker = pipe.worker()
        pipe.emit(events(0, 100))
        pipe.wait_stored()
        check(f"{what}: the worker ends", 0, worker.stop())
        disturb(pipe, admin)
        pipe.emit(more)
        worker.start()
        if landed_before is not None:
            wait_until("the partition is stopped", lambda: "stopped" in readiness(worker)[1])
            check(f"{what}: it is not ready", 503, readiness(worker)[0])
            check(f"{what}: nothing is skipped", landed_before, count(pipe))
            check(f"{what}: the list says why", True, bool(pipe.value("select max(stopped_reason) from metaops.offsets")))
            pipe.run("offsets", "accept")
        pipe.wait_stored()
        wait_until("it is ready", lambda: readiness(worker)[0] == 200)
        check(f"{what}: all that there is has landed", landed_after, count(pipe))
        check(f"{what}: the worker lives", True, worker.runs())


def in_transactions():
    """A transaction ends with a marker, which takes an offset: what is no gap in the records is not taken for one."""
    with Pipeline("transactions", 1) as pipe:
        worker = pipe.worker()
        producer = Producer({"bootstrap.servers": os.environ["METAOPS_KAFKA"], "transactional.id": pipe.name})
        producer.init_transactions(60)
        for number in range(30):
            producer.begin_transaction()
            producer.produce(pipe.topic, value=b"no event %d" % number)
            if number % 3 == 2:
                producer.abort_transaction(60)
            else:
                producer.commit_transaction(60)
        wait_until("what was committed has landed", lambda: pipe.value("select count(*) from metaops.dead_letters") == 20)
        pipe.emit(events(0, 10))
        wait_until("and what comes after it", lambda: count(pipe) == 10)
        check("nothing of what was aborted", 20, pipe.value("select count(*) from metaops.dead_letters"))
        words = worker.words(1 << 20)
        check("it is read twice once", (1, 1), (words.count("reading again"), words.count("not every offset holds a record")))


def twins():
    with Pipeline("twins", 3) as pipe:
        both = [pipe.worker(1)]
        pipe.wait_ready()
        both.append(pipe.worker(1))
        pipe.emit(events(0, 300))
        wait_until("one of the twins ends", lambda: sum(role.runs() for role in both) == 1)
        ended, lives = sorted(both, key=lambda role: role.runs())
        check("one of two with the same instance id ends", 1, ended.process.wait(20))
        check("and says why", True, "same worker.instance_id" in ended.words())
        pipe.emit(events(300, 300))
        pipe.wait_stored()
        check("the other goes on", (True, 600), (lives.runs(), count(pipe)))


def main():
    after("made anew with fewer records", make_anew, events(100, 20), 100, 120)
    after("made anew with others", make_anew, events(100, 150), 100, 250)
    after("cut behind the position", lambda pipe, admin: cut(pipe, admin, 60), events(100, 10), None, 110)

    def cut_in_front(pipe, admin):
        pipe.emit(events(200, 50))
        cut(pipe, admin, 120)

    after("cut in front of the position", cut_in_front, events(100, 10), 100, 140)
    in_transactions()
    twins()
    end()


main()
