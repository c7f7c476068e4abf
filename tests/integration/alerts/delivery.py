"""From the outbox to alerts.webhook_url: every message arrives, soon, in order and under its key, whatever happens to
the receiver and the alerter; what cannot be delivered stays to be seen."""

import collections
import math
import time

import psycopg
from alerting import owner, prepare, raise_alert
from checks import check, end
from own_pipeline import Pipeline, metric, query, role_dsn, wait_until
from receiver import Receiver


def outbox(pipe):
    return pipe.value("select count(*) from graph.alert_outbox")


def wait_empty(pipe, what):
    wait_until(f"{what}: the outbox is empty", lambda: outbox(pipe) == 0)


def webhook(pipe, receiver, number=1, **settings):
    quick = {"METAOPS_ALERTS_BACKOFF_MS": "50", "METAOPS_ALERTS_BACKOFF_MAX_MS": "200",
             "METAOPS_ALERTS_POLL_INTERVAL_MS": "100", "METAOPS_ALERTS_REQUEST_TIMEOUT_MS": "30000"}
    role = pipe.alerter(number, METAOPS_ALERTS_WEBHOOK_URL=receiver.url, **{**quick, **settings})
    pipe.wait_ready(roles=[role])
    return role


def told_at_once(pipe, connection):
    receiver = Receiver()
    # A look every hour: what arrives came by notification.
    role = webhook(pipe, receiver, METAOPS_ALERTS_POLL_INTERVAL_MS="3600000")
    raised = {}
    for number in range(1, 101):
        raised[number] = time.time()
        raise_alert(connection, number, severity=("info", "warning", "critical")[number % 3])
        time.sleep(0.01)
    # Without the notification it would be an hour.
    wait_until("100 messages", lambda: receiver.count() >= 100)
    wait_empty(pipe, "at once")
    delays = sorted(m.at - raised[int(m.json["field"].split("_")[1])] for m in receiver.messages)
    p99 = delays[math.ceil(0.99 * len(delays)) - 1]
    print(f"from raise to receipt: p50 {delays[49] * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms")
    check("each once", [1] * 100, list(collections.Counter(receiver.keys()).values()))
    message = receiver.messages[0]
    (row,) = pipe.query("select to_jsonb(v), v.alert_id from metaops.alerts v where alert_id = %s",
                        message.json["alert_id"])
    check("the body is the row of the view", row[0], message.json)
    check("it is JSON by its type", "application/json", message.headers["Content-Type"])
    check("its key is of message and alert", f"{message.headers['Metaops-Outbox-Id']}-{row[1]}", message.key)
    check("what happened is in a header", "opened", message.headers["Metaops-What"])
    with psycopg.connect(connection.info.dsn, password=connection.info.password) as undone:
        raise_alert(undone, 900)
        undone.rollback()
    raise_alert(connection, 1)  # known, and no worse
    raise_alert(connection, 1, is_past=True)
    wait_until("resolved", lambda: receiver.count() >= 101)
    check("nothing of what was rolled back or known before", "resolved", receiver.messages[100].headers["Metaops-What"])
    over_after_days(pipe, connection, receiver)
    wait_until("counted", lambda: metric(role.admin_url, 'metaops_alerter_deliveries_total{result="delivered"}') == 103)
    check("stops in good order", 0, role.stop())
    receiver.close()


def over_after_days(pipe, connection, receiver):
    """Who was told that it began is told that it is over, however long that took; who was not is not."""
    raise_alert(connection, 901)
    wait_until("it is told", lambda: receiver.count() >= 102)
    with connection.transaction():
        raise_alert(connection, 902)
        connection.execute("delete from graph.alert_outbox where alert ->> 'field' = 'column_902'")
        connection.execute("update graph.alerts set event_time = now() - interval '3 days'"
                           " where field in ('column_901', 'column_902')")
        connection.execute("update graph.alerts set opened_at = event_time where field = 'column_901'")
        connection.execute("select graph.resolve_alert(alert_id) from graph.alerts"
                           " where field in ('column_901', 'column_902')")
    wait_until("it is over", lambda: receiver.count() >= 103)
    wait_empty(pipe, "over after days")
    last = receiver.messages[-1]
    check("the end of an alert of three days ago is told", ("resolved", "column_901", 103),
          (last.headers["Metaops-What"], last.json["field"], receiver.count()))


def receivers_that_fail(pipe, connection):
    # Of each message: a failure, a redirect, a hang, and then it works.
    steps = {1: 503, 2: 302, 3: None}
    receiver = Receiver(lambda message, times: steps.get(times, 204))
    role = webhook(pipe, receiver, METAOPS_ALERTS_REQUEST_TIMEOUT_MS="6000")
    for number in (201, 202, 203):
        raise_alert(connection, number)
        raise_alert(connection, number, is_past=True)
    wait_empty(pipe, "failing")
    receiver.close()
    tries = collections.Counter(receiver.keys())
    check("six messages", 6, len(tries))
    check("each tried until it was taken", {4}, set(tries.values()))
    check("nothing follows a redirect", {"/hook"}, {message.path for message in receiver.messages})
    for number in (201, 202, 203):
        whats = [m.headers["Metaops-What"] for m in receiver.messages if m.json["field"] == f"column_{number}"]
        check(f"alert {number} is told in order", ["opened"] * 4 + ["resolved"] * 4, whats)
    wait_until("failures are counted", lambda: metric(
        role.admin_url, 'metaops_alerter_deliveries_total{result="failed"}') == 18)
    role.stop()


def alerters_that_die(pipe, connection):
    def slow(_message, _times):
        time.sleep(0.02)
        return 200

    receiver = Receiver(slow)
    role = webhook(pipe, receiver, METAOPS_ALERTS_REQUEST_TIMEOUT_MS="10000")
    for number in range(300, 500):
        raise_alert(connection, number)
    for part in (1, 2, 3):
        wait_until("some are told", lambda wanted=part * 40: len(set(receiver.keys())) >= wanted)
        role.kill()
        role.start()
    wait_empty(pipe, "killed")
    tries = collections.Counter(receiver.keys())
    check("three times killed: all 200 are told", 200, len(tries))
    check("again only what was under way", True, sum(tries.values()) <= 200 + 3 * 8)
    query(role_dsn("writer", pipe.database), "select pg_terminate_backend(pid) from pg_stat_activity"
          " where application_name = 'metaops alerter' and datname = current_database()")
    raise_alert(connection, 500)
    wait_until("told after the database hung up", lambda: len(set(receiver.keys())) == 201)
    wait_empty(pipe, "hung up")
    role.stop()
    receiver.close()


def two_alerters(pipe, connection):
    receiver = Receiver()
    roles = [webhook(pipe, receiver, number) for number in (1, 2)]
    for number in range(600, 900):
        raise_alert(connection, number)
    wait_empty(pipe, "two alerters")
    check("two alerters: each once", [1] * 300, list(collections.Counter(receiver.keys()).values()))
    wait_until("all are counted", lambda: 300 == sum(
        metric(role.admin_url, 'metaops_alerter_deliveries_total{result="delivered"}') for role in roles))
    for role in roles:
        role.stop()
    receiver.close()


def what_cannot_be_told(pipe, connection):
    receiver = Receiver(lambda message, times: 500)
    long = {"METAOPS_ALERTS_BACKOFF_MS": "3600000", "METAOPS_ALERTS_BACKOFF_MAX_MS": "3600000",
            "METAOPS_ALERTS_ATTEMPTS_MAX": "3"}
    role = pipe.alerter(1, METAOPS_ALERTS_WEBHOOK_URL=receiver.url, METAOPS_ALERTS_POLL_INTERVAL_MS="100", **long)
    raise_alert(connection, 1000)

    def row():
        return pipe.query("select state, attempts, last_error, next_at > now() + '20 min' from metaops.alert_deliveries")

    failed = [("trying", 1, "HTTP status 500", True)]
    wait_until("noted as failed", lambda: row() == failed)
    role.kill()
    role.start()
    pipe.wait_ready(roles=[role])
    time.sleep(1)  # many looks
    check("a restart does not forget to wait", (1, failed), (receiver.count(), row()))
    for attempt in (2, 3):
        pipe.query("update graph.alert_deliveries set next_at = now()")
        wait_until("tried again", lambda wanted=attempt: receiver.count() == wanted)
        wait_until("noted", lambda wanted=attempt: row()[0][:3] == (
            "trying" if wanted < 3 else "given up", wanted, "HTTP status 500"))
    wait_until("the third try is the last, and is counted", lambda: metric(
        role.admin_url, 'metaops_alerter_deliveries_total{result="given_up"}') == 1)
    check("the message is still there", 1, outbox(pipe))
    wait_until("the gauge shows it", lambda: metric(role.admin_url, "metaops_alerter_given_up") == 1)
    wait_until("it is logged", lambda: "message given up" in role.words())
    role.stop()
    receiver.close()
    pipe.query("delete from graph.alert_outbox")
    silent = pipe.alerter(2)
    raise_alert(connection, 1001)
    wait_empty(pipe, "nobody is to be told")
    wait_until("without a receiver it is counted", lambda: metric(silent.admin_url, "metaops_alerter_unrouted_total") == 1)
    wait_until("and logged", lambda: "column_1001 was removed" in silent.words())
    silent.stop()


def main():
    with Pipeline("alerts", 1) as pipe:
        prepare(pipe)
        with owner(pipe) as connection:
            for part in (told_at_once, receivers_that_fail, alerters_that_die, two_alerters, what_cannot_be_told):
                part(pipe, connection)
    end()


main()
