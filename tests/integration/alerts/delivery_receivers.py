"""Every kind of receiver from a file of routes, in one alerter: each gets what is routed to it, in its own form; one
that hangs, one that is away and one behind an address that is not public hold up no other; a changed file counts at
once. Alertmanager is the real one, where Debian's package can be had."""

import base64
import hashlib
import hmac
import io
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import urllib.request
import uuid

import fastavro
from alerting import owner, prepare, raise_alert
from avro_records import load
from checks import check, end
from own_pipeline import LIMIT_S, Pipeline, free_port, wait_until
from receiver import Receiver

ALERT, ALERT_HEADER = load("alert.v1")
KEY = "whsec_" + base64.b64encode(b"0123456789abcdefghijklmn").decode()
ALERTMANAGER = os.environ.get("METAOPS_TEST_ALERTMANAGER")  # tests/support/alertmanager


class Alertmanager:
    """Debian's, in a root of its own. None of its ports leads beyond loopback; it knows no peers."""

    def __init__(self, folder):
        self.port = free_port()
        self.state = pathlib.Path(tempfile.mkdtemp(dir=pathlib.Path(ALERTMANAGER) / "var"))
        config = self.state / "alertmanager.yml"
        # resolve_timeout is short: what has no end of its own would be over at once.
        config.write_text("global: {resolve_timeout: 1s}\nroute: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
        inside = f"/var/{self.state.name}"
        self.log = open(folder / "alertmanager.log", "wb")
        self.process = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "chroot", ALERTMANAGER, "/usr/bin/prometheus-alertmanager",
             f"--config.file={inside}/alertmanager.yml", f"--storage.path={inside}",
             f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="],
            stdout=self.log, stderr=self.log)
        wait_until("Alertmanager answers", self.is_ready)

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=LIMIT_S) as answer:
            return answer.read()

    def is_ready(self):
        try:
            return self.get("/-/ready")
        except OSError:
            return False

    def firing(self):
        """{alert_id: severity}"""
        alerts = json.loads(self.get("/api/v2/alerts"))
        return {alert["labels"]["alert_id"]: alert["labels"]["severity"] for alert in alerts}

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()
        shutil.rmtree(self.state)


def identity(number):
    return str(uuid.UUID(int=number))


def is_signed(message):
    """By the rules of Standard Webhooks."""
    signed = f"{message.headers['webhook-id']}.{message.headers['webhook-timestamp']}.".encode() + message.body
    digest = hmac.new(base64.b64decode(KEY.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    fresh = abs(time.time() - int(message.headers["webhook-timestamp"])) < 60
    return fresh and message.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


def write_routes(path, hooks, alertmanager):
    (path.parent / "key").write_text(KEY + "\n")
    (path.parent / "slack_url").write_text(hooks["slack"].url + "\n")
    url = f"http://127.0.0.1:{alertmanager.port}/api/v2/alerts" if alertmanager else hooks["alertmanager"].url
    closed = free_port()
    new = path.with_suffix(".new")
    new.write_text(f"""
receiver.signed.type = webhook
receiver.signed.url = {hooks['signed'].url}
receiver.signed.key_file = {path.parent}/key
receiver.cloud.type = cloudevents
receiver.cloud.url = {hooks['cloud'].url}
receiver.chat.type = slack
receiver.chat.url_file = {path.parent}/slack_url
receiver.am.type = alertmanager
receiver.am.url = {url}
receiver.bus.type = kafka
receiver.log.type = stdout
receiver.hanging.type = webhook
receiver.hanging.url = {hooks['hanging'].url}
receiver.away.type = webhook
receiver.away.url = http://127.0.0.1:{closed}/
receiver.inside.type = webhook
receiver.inside.url = https://localhost:{hooks['inside'].server.server_port}/
receiver.literal.type = webhook
receiver.literal.url = https://[::ffff:169.254.169.254]/latest/meta-data
route.every.receivers = signed, am, bus, log, hanging, away, inside, literal
route.every.continue = yes
route.critical.severity = critical
route.critical.receivers = cloud, chat
route.team.owner = team-*
route.team.kind = code
route.team.receivers = chat
""")
    new.rename(path)


def told(pipe, connection, hooks, alertmanager, role):
    raise_alert(connection, 1, severity="warning")
    raise_alert(connection, 1, severity="critical")  # raised
    raise_alert(connection, 2, kind="code")
    raise_alert(connection, 3, severity="critical")
    raise_alert(connection, 3, severity="critical", is_past=True)
    raise_alert(connection, 4)
    wait_until("the signed webhook has all", lambda: hooks["signed"].count() >= 6)
    check("signed: each message once", 6, len(set(hooks["signed"].keys())))
    check("signed: as it should be", {True}, {is_signed(message) for message in hooks["signed"].messages})
    check("its key is its id too", {True}, {m.headers["webhook-id"] == m.key for m in hooks["signed"].messages})

    wait_until("cloud events of what is critical", lambda: hooks["cloud"].count() >= 3)
    events = sorted((m.json["subject"], m.json["type"], m.json["data"]["alert_id"]) for m in hooks["cloud"].messages)
    check("cloud events", [(identity(1), "metaops.alert.raised", identity(1)),
                           (identity(3), "metaops.alert.opened", identity(3)),
                           (identity(3), "metaops.alert.resolved", identity(3))], events)
    check("by their type", "application/cloudevents+json; charset=UTF-8",
          hooks["cloud"].messages[0].headers["Content-Type"])
    wait_until("chat: those and the team's", lambda: hooks["slack"].count() >= 4)
    texts = sorted(message.json["text"] for message in hooks["slack"].messages)
    check("chat: by owner and kind", 4, len(texts))
    check("chat: a text", True, any(text.startswith("*warning* code drift, opened: column_2 was removed")
                                    and "owners: team-a" in text for text in texts))
    told_on_kafka(pipe)
    wait_until("stdout has all", lambda: role.words(10**6).count('{"what":') == 6)
    if alertmanager:
        wait_until("Alertmanager shows what is open", lambda: alertmanager.firing() == {
            identity(1): "critical", identity(2): "warning", identity(4): "warning"})
        time.sleep(2)  # longer than what has no end stays
        check("still, without hearing of it again", 3, len(alertmanager.firing()))
        pipe.query("select metaops.accept_alert(%s)", identity(2))
        pipe.query("select metaops.ignore_alert(%s)", identity(4))
        raise_alert(connection, 1, severity="critical", is_past=True)
        wait_until("Alertmanager hears what was decided", lambda: alertmanager.firing() == {})
    else:
        wait_until("the form of Alertmanager", lambda: hooks["alertmanager"].count() >= 6)
        print("(Alertmanager itself is not there: not asked)")


def told_on_kafka(pipe):
    topic = pipe.environment["METAOPS_KAFKA_TOPIC_ALERTS"]
    wait_until("the topic has all", lambda: sum(pipe.ends(topic).values()) == 6)
    records = [(key, value) for _, _, key, value in pipe.records(topic)]
    check("Kafka: our schema", {ALERT_HEADER}, {value[:10] for _, value in records})
    alerts = [(key, fastavro.schemaless_reader(io.BytesIO(value[10:]), ALERT)) for key, value in records]
    check("Kafka: keyed by alert", True, all(key == alert["alert_id"] for key, alert in alerts))
    rows = pipe.query("select v.alert_id, v.title, v.detail, (extract(epoch from v.event_time) * 1000000)::bigint"
                      " from metaops.alerts v where alert_id = %s", identity(3))
    found = [alert for _, alert in alerts if alert["alert_id"] == uuid.UUID(int=3).bytes]
    check("Kafka: opened, then resolved", [("opened", "open"), ("resolved", "resolved")],
          [(alert["what"], alert["status"]) for alert in sorted(found, key=lambda each: each["outbox_id"])])
    last = max(found, key=lambda each: each["outbox_id"])
    check("Kafka: the row's columns", rows[0][1:], (last["title"], json.loads(last["detail"]), last["event_time_us"]))
    check("Kafka: what and whose it is", ("dataset", "postgres://shop", "public.orders", "column_3", None, 1),
          tuple(last[name] for name in ("subject_kind", "subject_namespace", "subject_name", "field", "run_id",
                                        "occurrences")))


def held_up_by_nobody(pipe, hooks):
    def faults(receiver):
        return {row[0] for row in pipe.query("select last_error from metaops.alert_deliveries where receiver = %s"
                                             " and last_error is not null", receiver)}

    wait_until("the one that hangs is asked", lambda: hooks["hanging"].count() > 0)
    wait_until("the one that is away is tried again", lambda: any("connect" in fault for fault in faults("away")))
    for name in ("inside", "literal"):
        wait_until(f"{name} is refused", lambda at=name: faults(at) == {
            "the address is not public (private, loopback, link-local or the like)"})
    check("nobody knocked inside", 0, len(hooks["inside"].connections))


def changed_in_place(connection, path, hooks, role):
    before = hooks["cloud"].count()
    text = path.read_text()
    path.with_suffix(".bad").write_text(text + "route.every.colour = red\n")
    path.with_suffix(".bad").rename(path)
    wait_until("a file that is wrong is named", lambda: "route.every.colour" in role.words(10**6))
    raise_alert(connection, 11, severity="critical")
    wait_until("and changes nothing", lambda: hooks["cloud"].count() == before + 1)
    path.with_suffix(".new").write_text(text.replace("route.critical.severity = critical",
                                                     "route.critical.severity = info"))
    path.with_suffix(".new").rename(path)

    def told_anew(number):
        """Files are looked at every other second: until then nobody hears of it."""
        raise_alert(connection, number, severity="info")
        return hooks["cloud"].count() > before + 1

    numbers = iter(range(12, 10**6))
    wait_until("a file that changed is read, and counts", lambda: told_anew(next(numbers)) or time.sleep(0.2))
    check("the latest is the one", "info", hooks["cloud"].messages[-1].json["data"]["severity"])


def main():
    with Pipeline("alerts-receivers", 1) as pipe:
        prepare(pipe)
        hooks = {name: Receiver() for name in ("signed", "cloud", "slack", "inside", "alertmanager")}
        hooks["hanging"] = Receiver(lambda message, times: None)
        alertmanager = Alertmanager(pathlib.Path(pipe.folder)) if ALERTMANAGER else None
        path = pathlib.Path(pipe.folder) / "routes"
        write_routes(path, hooks, alertmanager)
        settings = {"METAOPS_ALERTS_ROUTES_FILE": str(path), "METAOPS_ALERTS_TRUSTED_HOSTS": "127.0.0.1",
                    "METAOPS_ALERTS_BACKOFF_MS": "100", "METAOPS_ALERTS_BACKOFF_MAX_MS": "500",
                    "METAOPS_ALERTS_POLL_INTERVAL_MS": "100"}
        done = subprocess.run([pipe.program, "check"], env={**pipe.environment, **settings}, capture_output=True,
                              text=True, timeout=LIMIT_S, check=False)
        check("metaops check counts them", True, "10 receivers, 3 routes" in done.stdout)
        role = pipe.alerter(1, **settings)
        pipe.wait_ready(roles=[role])
        with owner(pipe) as connection:
            told(pipe, connection, hooks, alertmanager, role)
            held_up_by_nobody(pipe, hooks)
            changed_in_place(connection, path, hooks, role)
        for hook in hooks.values():
            hook.close()
        check("stops in good order", 0, role.stop())
        if alertmanager:
            alertmanager.close()
    end()


main()
