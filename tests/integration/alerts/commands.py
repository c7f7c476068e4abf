"""metaops alerts: what a reader sees, what the owner decides, what tail says as it happens."""

import json
import os
import signal
import subprocess
import uuid

from alerting import owner, prepare, raise_alert
from checks import check, end
from own_pipeline import LIMIT_S, Pipeline, role_dsn, wait_until
from receiver import Receiver

ONE, TWO, THREE = (str(uuid.UUID(int=number)) for number in (1, 2, 3))
CHANGES = [
    {"change": "removed", "field": "email", "type": "text"},
    {"change": "retyped", "field": "total", "from": "int32", "to": "string"},
    {"change": "changed", "what": "sourceCodeLocation", "from": "abc", "to": "def"},
]
DETAIL = {"changes": CHANGES, "owners": ["team-a", "team-b"], "last_good_run": "run-1", "sql": "select 1"}
DOWNSTREAM = [
    {"kind": "dataset", "namespace": "mart", "name": "revenue", "field": "total", "depth": 1, "owners": ["finance"]},
    {"kind": "job", "namespace": "bi", "name": "report", "depth": 2},
]


def alerts(pipe, role, *words):
    """-> exit code, lines, stderr"""
    environment = {**pipe.environment, "METAOPS_POSTGRES_CONNINFO": role_dsn(role, pipe.database)}
    done = subprocess.run([pipe.program, "alerts", *words], env=environment, capture_output=True, text=True,
                          timeout=LIMIT_S, check=False)
    return done.returncode, done.stdout.splitlines(), done.stderr


def seen(pipe):
    code, lines, _ = alerts(pipe, "reader")
    check("list: works for a reader", 0, code)
    check("list: a head and the newest first", ["id", THREE, TWO, ONE], [line.split()[0] for line in lines])
    check("list: a line", [ONE, "critical", "open", "schema"], [lines[3].split()[i] for i in (0, 3, 4, 5)])
    check("list: no control byte reaches the terminal", True, lines[3].endswith("orders lost ?[31m email"))
    for flags, expected in (
        (["--severity", "critical"], [ONE]),
        (["--severity=info,warning"], [THREE, TWO]),
        (["--kind", "code"], [TWO]),
        (["--status", "resolved"], [THREE]),
        (["--namespace", "postgres://%", "--limit", "1"], [THREE]),
        (["--namespace", "nowhere"], []),
        (["--name", "public.%", "--status", "open"], [TWO, ONE]),
    ):
        code, lines, _ = alerts(pipe, "reader", "list", "--json", *flags)
        check(f"list {' '.join(flags)}", expected, [json.loads(line)["alert_id"] for line in lines])
    code, lines, _ = alerts(pipe, "reader", "show", ONE)
    text = "\n".join(lines)
    for wanted in (
        "severity       critical",
        "dataset        postgres://shop public.orders",
        "changes        - email text",
        "               ~ total int32 -> string",
        "               ~ sourceCodeLocation changed abc -> def",
        "owners         team-a, team-b",
        "last good run  run-1",
        "downstream     dataset mart revenue total owned by finance",
        "                 job bi report",
        "more by SQL    select 1",
    ):
        check(f"show: {wanted}", True, wanted in text)
    check("show: what became of it", True, any(l.startswith("history") and l.endswith("opened") for l in lines))
    code, lines, _ = alerts(pipe, "reader", "show", THREE, "--json")
    shown = json.loads(lines[0])
    check("show --json", (THREE, ["opened", "resolved"]), (shown["alert_id"], [e["what"] for e in shown["events"]]))


def decided(pipe):
    check("a reader decides nothing", (1, []), alerts(pipe, "reader", "ack", ONE)[:2])
    cut = ONE[:-1]
    check("a cut id that several have", (1, []), alerts(pipe, "owner", "ack", cut)[:2])
    check("nobody's id", (1, []), alerts(pipe, "owner", "accept", str(uuid.UUID(int=99)))[:2])
    check("no id", (1, []), alerts(pipe, "owner", "accept", "%")[:2])
    check("ack", (0, [f"{ONE} acknowledged"]), alerts(pipe, "owner", "ack", ONE, "--note", "looking at it")[:2])
    check("accept", (0, [f"{TWO} expected"]), alerts(pipe, "owner", "accept", TWO)[:2])
    check("ignore", (0, [f"{THREE} ignored"]), alerts(pipe, "owner", "ignore", THREE)[:2])
    check("all is noted, with who and why", [(ONE, "acknowledged", "metaops_owner", "looking at it"),
                                             (TWO, "expected", "metaops_owner", None),
                                             (THREE, "ignored", "metaops_owner", None)],
          pipe.query("select alert_id::text, what, actor, note from metaops.alert_events where actor is not null"
                     " order by alert_event_id"))
    code, lines, _ = alerts(pipe, "reader", "show", ONE)
    check("show: who decided", True, any("acknowledged by metaops_owner (looking at it)" in line for line in lines))
    for words in (["show"], ["list", ONE], ["ack", "--all"], ["retry"], ["nothing"], ["list", "--limit", "0"],
                  ["list", "--kind"], ["list", "--what"]):
        check(f"{' '.join(words)}: usage", 2, alerts(pipe, "reader", *words)[0])


def followed(pipe, connection):
    environment = {**pipe.environment, "METAOPS_POSTGRES_CONNINFO": role_dsn("reader", pipe.database)}
    with open(pipe.folder / "tail", "wb") as out:
        tail = subprocess.Popen([pipe.program, "alerts", "tail", "--json", "--severity", "critical"], env=environment,
                                stdout=out, stderr=subprocess.STDOUT)
    wait_until("tail listens", lambda: pipe.query(
        "select 1 from pg_stat_activity where application_name = 'metaops alerts' and query ~ 'What became'"))
    slow = owner(pipe)
    slow.autocommit = False
    raise_alert(slow, 11, severity="critical")
    raise_alert(connection, 12, severity="critical")
    raise_alert(connection, 13, severity="info")

    def lines():
        return [json.loads(line) for line in (pipe.folder / "tail").read_text().splitlines()]

    wait_until("the first", lambda: len(lines()) == 1)
    slow.commit()
    wait_until("the one that was written before and committed later", lambda: len(lines()) == 2)
    slow.close()
    raise_alert(connection, 12, severity="critical", is_past=True)
    wait_until("resolved", lambda: len(lines()) == 3)
    check("tail: each once, as it is committed", [("column_12", "opened"), ("column_11", "opened"),
                                                  ("column_12", "resolved")],
          [(line["alert"]["field"], line["what"]) for line in lines()])
    tail.send_signal(signal.SIGINT)
    check("tail: ends when it is interrupted", -signal.SIGINT, tail.wait(10))


def told_again(pipe, connection):
    pipe.query("delete from graph.alert_outbox")
    receiver = Receiver(lambda message, times: 500 if times == 1 else 200)
    role = pipe.alerter(1, METAOPS_ALERTS_WEBHOOK_URL=receiver.url, METAOPS_ALERTS_ATTEMPTS_MAX="1")
    raise_alert(connection, 21)
    wait_until("given up", lambda: pipe.query("select 1 from metaops.alert_deliveries where state = 'given up'"))
    lines = alerts(pipe, "reader", "show", str(uuid.UUID(int=21)))[1]
    check("show: whom nobody told", True,
          "not told yet   webhook_url opened given up after 1 tries: HTTP status 500" in lines)
    check("retry", (0, ["all: 1 messages to be told again"]), alerts(pipe, "owner", "retry", "--all")[:2])
    wait_until("told", lambda: receiver.count() == 2)
    wait_until("done", lambda: pipe.value("select count(*) from graph.alert_outbox") == 0)
    check("retry: nothing is left", (0, [f"{uuid.UUID(int=21)}: 0 messages to be told again"]),
          alerts(pipe, "owner", "retry", str(uuid.UUID(int=21)))[:2])
    role.stop()
    receiver.close()


def main():
    os.environ["PGTZ"] = "UTC"
    with Pipeline("alerts-commands", 1) as pipe:
        prepare(pipe)
        with owner(pipe) as connection:
            raise_alert(connection, 1, severity="critical", title="orders lost \x1b[31m email", detail=DETAIL,
                        downstream=DOWNSTREAM)
            raise_alert(connection, 2, kind="code")
            raise_alert(connection, 3, severity="info")
            raise_alert(connection, 3, severity="info", is_past=True)
            seen(pipe)
            decided(pipe)
            followed(pipe, connection)
            told_again(pipe, connection)
    end()


main()
