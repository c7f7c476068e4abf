"""Contracts from a file: the alert that each break is, in the transaction of the event that shows it; resolved when it holds
again; freshness by time alone; nothing without a contract, nothing for old events; rules that turn drift off or change its
severity; a file that changes, or cannot be used, under a running alerter; the README's example."""

import datetime
import json
import re
import signal
import subprocess
import uuid

import psycopg
from checks import check, end
from own_pipeline import LIMIT_S, ROOT, Pipeline, role_dsn, wait_until
from scenarios import PRODUCER, facet, fields

SHOP = "postgres://shop"
CONTRACTS = {"contracts": [
    {"id": "orders", "namespace": SHOP, "name": "orders", "owner": "sales", "documentation": True, "minimum": ["columnLineage"],
     "schema": {"properties": [{"name": "id", "physicalType": "bigint"}, {"name": "amount", "physicalType": "decimal"},
                               {"name": "note", "physicalType": "text", "required": False}],
                "additionalProperties": False}},
    {"id": "owners", "namespace": "postgres://*", "name": "any_?", "owner": True, "severity": "info"},
]}


class World:
    """One pipeline and its clock: events are dated now, or so many days ago."""

    def __init__(self, pipe):
        self.pipe = pipe
        self.file = pipe.folder / "contracts.json"

    def write(self, document):
        self.file.write_text(json.dumps(document))

    def metaops(self, *words, role="owner"):
        environment = {**self.pipe.environment, "METAOPS_POSTGRES_CONNINFO": role_dsn(role, self.pipe.database)}
        done = subprocess.run([self.pipe.program, *words], env=environment, capture_output=True, text=True, timeout=LIMIT_S,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    def load(self, document):
        self.write(document)
        return self.metaops("contracts", "load", str(self.file))[:2]

    def write_dataset(self, name, *facets, **more):
        self.emit_dataset(name, *facets, **more)
        self.pipe.wait_stored()

    def emit_dataset(self, name, *facets, state="COMPLETE", days_ago=0, namespace=SHOP, role="outputs", job="load"):
        time = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days_ago)
        about = {"namespace": namespace, "name": name, "facets": {k: v for f in facets for k, v in f.items()}}
        self.pipe.emit([json.dumps({
            "eventTime": time.isoformat(), "eventType": state, "producer": PRODUCER,
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": {"runId": str(uuid.uuid4())}, "job": {"namespace": "shop", "name": job}, role: [about]}).encode()])

    def alerts(self, name, *columns):
        """Of kind contract about the dataset: its clause and status, by clause."""
        return self.pipe.query(
            f"select {', '.join(columns) or '''detail ->> 'fact', status'''} from metaops.alerts"
            " where kind = 'contract' and detail ? 'contract' and name = %s order by detail ->> 'fact'", name)

    def told(self):
        """What was to be told of contracts since the last call."""
        return self.pipe.query(
            "with told as (delete from graph.alert_outbox where alert ->> 'kind' = 'contract' returning *)"
            " select t.what, a.name, a.detail ->> 'fact' from told t join metaops.alerts a using (alert_id)"
            " order by t.outbox_id")


def owners(*names):
    return {"ownership": facet(owners=[{"name": name} for name in names])}


def documented(text):
    return {"documentation": facet(description=text)}


def lineage():
    return {"columnLineage": facet(fields={"id": {"inputFields": [{"namespace": SHOP, "name": "raw", "field": "id"}]}})}


def broken_and_kept(world):
    world.write_dataset("free", fields("id:int"))
    check("load", (0, f"{world.file}: loaded, 2 contracts new, changed or gone\n"), world.load(CONTRACTS))
    check("the same again changes nothing", 0, world.pipe.value("select graph.load_contracts(%s)", json.dumps(CONTRACTS)))
    check("without a dataset it waits", (0, f"waits     orders  -  -\nwaits     owners  -  -\n"),
          world.metaops("contracts", role="reader")[:2])
    whole = (fields("id:int8", "amount:NUMERIC(10,2)"), owners("ann", "sales"), documented("Orders"), lineage())
    world.write_dataset("orders", *whole)
    check("what is as promised is no alert", [], world.alerts("orders"))
    check("it holds", "holds     orders  postgres://shop  orders",
          world.metaops("contracts", role="reader")[1].splitlines()[0])
    world.write_dataset("orders", fields("id:text", "extra:int"), owners("ann"), documented(" "), lineage())
    check("each clause that is broken is an alert at once",
          [("documentation", "open"), ("owner", "open"), ("schema", "open")], world.alerts("orders"))
    check("what was promised and what was found",
          [([{"change": "broken", "what": "column", "field": "amount", "promised": "decimal", "found": "no such column"},
             {"change": "broken", "what": "column", "field": "id", "promised": "bigint", "found": "text"},
             {"change": "broken", "what": "column", "field": "extra", "promised": "no such column", "found": "int"}],
            "warning", "load")],
          world.pipe.query("select detail -> 'changes', severity, detail ->> 'job' from metaops.alerts"
                           " where kind = 'contract' and detail ->> 'fact' = 'schema'"))
    check("told once each", [("opened", "orders", fact) for fact in ("documentation", "owner", "schema")],
          sorted(world.told()))
    code, out, _ = world.metaops("contracts", "list", "--json", role="reader")
    check("list: exit code and row", (1, True), (code, json.loads(out.splitlines()[0])["is_broken"]))
    identifier = world.alerts("orders", "alert_id::text")[2][0]
    check("alerts show says both", True,
          "~ column id: bigint promised, text found" in world.metaops("alerts", "show", identifier, role="reader")[1])
    world.write_dataset("orders", fields("id:text", "extra:int"), owners("ann"), documented(" "), lineage())
    check("again the same tells nothing", [], world.told())
    world.write_dataset("orders", *whole)
    check("all resolved when it holds again", {"resolved"}, {status for _, status in world.alerts("orders")})
    check("which is told", ["resolved"] * 3, [what for what, *_ in world.told()])
    world.write_dataset("orders", fields("id:int8", "amount:decimal"), owners("sales"), documented("Orders"),
                        {"columnLineage": facet(_deleted=True)})
    check("a facet that was taken back", [("minimum", "open")], world.alerts("orders")[1:2])
    check("no alert without a contract", [], world.alerts("free"))


def first_sight(world):
    world.write_dataset("any_1", fields("id:int"), role="inputs")
    check("what was only read is not judged", [], world.alerts("any_1"))
    world.write_dataset("any_1", fields("id:int"))
    check("no owner at the first statement", [("owner", "open", "info", "any_1: contract owners broken: owner: an owner promised, none found")],
          world.alerts("any_1", "detail ->> 'fact'", "status", "severity", "title"))
    world.write_dataset("any_1", owners("ann"), state="START")
    check("an owner comes", [("owner", "resolved")], world.alerts("any_1"))
    world.write_dataset("any_2", fields("id:int"), namespace="s3://shop")
    world.write_dataset("any_22", fields("id:int"))
    check("other namespaces and names are free", [[], []], [world.alerts("any_2"), world.alerts("any_22")])
    world.told()
    world.write_dataset("any_3", fields("id:int"), days_ago=3)
    check("an old event opens an alert", [("owner", "open")], world.alerts("any_3"))
    check("and tells nobody", [], world.told())
    world.write_dataset("any_3", owners("ann"), days_ago=4)
    check("one that is older and comes later counts, too", [("owner", "resolved")], world.alerts("any_3"))
    world.write_dataset("any_3", owners(), days_ago=2)
    world.write_dataset("any_3", owners("bob"), days_ago=3)
    check("what is accepted decides, not what comes last", [("owner", "open")], world.alerts("any_3"))


def declared_later(world):
    world.write_dataset("late", fields("id:int"), days_ago=30)
    world.told()
    contract = {"id": "late", "namespace": SHOP, "name": "late", "schema": {"properties": [{"name": "total"}]}, "tier": 1}
    world.load({"contracts": [*CONTRACTS["contracts"], contract]})
    check("a new contract that is broken already", [("schema", "open", "critical")],
          world.alerts("late", "detail ->> 'fact'", "status", "severity"))
    check("is told now", [("opened", "late", "schema")], world.told())
    contract["schema"] = {"properties": [{"name": "id"}]}
    world.load({"contracts": [*CONTRACTS["contracts"], contract]})
    check("changed so that it holds", [("resolved", "late", "schema")], world.told())
    contract["schema"] = {"properties": [{"name": "total"}]}
    world.load({"contracts": [*CONTRACTS["contracts"], contract]})
    world.load(CONTRACTS)
    check("gone: so is its alert", [("schema", "resolved")], world.alerts("late"))
    world.told()


def fresh_and_stale(world):
    world.write_dataset("hourly", fields("id:int"), days_ago=1 / 24)
    world.write_dataset("daily", fields("id:int"), days_ago=1 / 24)
    world.load({"contracts": [
        {"id": "hourly", "namespace": SHOP, "name": "hourly", "freshness": {"value": 3601, "unit": "s"}},
        {"id": "daily", "namespace": SHOP, "name": "daily", "freshness": {"value": 1, "unit": "d"}},
        {"id": "never", "namespace": SHOP, "name": "any_1", "freshness": {"value": 1, "unit": "d"}}]})
    alerter = world.pipe.alerter(1)
    wait_until("stale by time alone", lambda: world.alerts("hourly") == [("freshness", "open")])
    title = world.alerts("hourly", "title")[0][0]
    check("it says since when", True, bool(re.fullmatch(
        r"hourly: contract hourly broken: freshness: written within 3601 s promised, last written \S+Z found", title)))
    world.write_dataset("hourly", fields("id:int"), state="START")
    check("a run that begins makes nothing fresh", [("freshness", "open")], world.alerts("hourly"))
    world.write_dataset("hourly", fields("id:int"))
    check("written: fresh at once", [("freshness", "resolved")], world.alerts("hourly"))
    alerter.stop()
    check("fresh still", [[], []], [world.alerts("daily"), world.alerts("any_1")[1:]])
    world.told()


def written_but_unread(world):
    """A write that Kafka holds keeps a dataset fresh, however long it takes until it is stored."""
    world.write_dataset("unread", fields("id:int"), days_ago=1)
    worker = world.pipe.roles[0]
    worker.stop()
    world.pipe.query("update graph.offsets set last_timestamp_ms = last_timestamp_ms - 24 * 3600 * 1000")
    world.emit_dataset("unread", fields("id:int"))
    world.load({"contracts": [{"id": "unread", "namespace": SHOP, "name": "unread", "freshness": {"value": 1, "unit": "h"}}]})
    alerter = world.pipe.alerter(2)
    wait_until("the alerter waits for what is not stored", lambda: "may be among what is not stored yet" in alerter.words())
    check("nothing is said of what may be there", [], world.alerts("unread"))
    worker.start()
    wait_until("looked at again", lambda: world.pipe.value(
        "select min(stale_at) > now() from graph.contract_datasets where contract_id = 'unread'"))
    alerter.stop()
    check("it was never stale", [], world.alerts("unread"))
    world.told()


def told_by_age(world):
    """alerts.event_age_max_ms: the same change is told when its event is young enough."""
    days = 24 * 3600 * 1000
    for name, setting, expected in (("week_1", None, []), ("week_2", 8 * days, ["opened"]), ("week_3", 6 * days, [])):
        worker = world.pipe.worker(2, METAOPS_ALERTS_EVENT_AGE_MAX_MS=setting and str(setting))
        world.pipe.roles[0].stop()
        world.write_dataset(name, fields("id:int", "a:int"), days_ago=7.5)
        world.write_dataset(name, fields("id:int"), days_ago=7)
        check(f"a week old, {setting or 'the default'}", [("schema", "open")], world.pipe.query(
            "select kind, status from metaops.alerts where name = %s", name))
        check("told", expected, [what for what, in world.pipe.query(
            "select what from graph.alert_outbox where alert ->> 'name' = %s", name)])
        worker.stop()
        world.pipe.roles[0].start()


def rules(world):
    def drift(name):
        """What becomes of it when a column of the dataset goes."""
        world.write_dataset(name, fields("id:int", "a:int"))
        world.write_dataset(name, fields("id:int"))
        return found(name)

    def found(name):
        return world.pipe.query("select severity, status from metaops.alerts where kind = 'schema' and name = %s", name)

    check("without rules", [("warning", "open")], drift("plain"))
    world.load({"rules": [{"kinds": ["schema"], "enabled": False}, {"name": "ruled*", "enabled": True},
                          {"name": "ruled*", "severity": "info"}, {"name": "ruled*", "tier": 1},
                          {"kinds": ["code"], "severity": "critical"}]})
    check("a kind that is off", [], drift("off"))
    check("what is open of it is resolved", [("warning", "resolved")], found("plain"))
    check("the last rule that matches decides, each member by itself", [("info", "open")], drift("ruled_1"))
    world.load({"rules": [{"tier": 3}, {"name": "vital", "tier": 1}, {"namespace": "other", "enabled": False}]})
    check("tier 3: a severity less", [("info", "open")], drift("minor"))
    check("tier 1: a severity more", [("critical", "open")], drift("vital"))
    world.load({})


def under_an_alerter(world):
    world.write({"contracts": [{"id": "w", "namespace": SHOP, "name": "watched", "owner": True}]})
    world.write_dataset("watched", fields("id:int"))
    alerter = world.pipe.alerter(2, METAOPS_ALERTS_CONTRACTS_FILE=str(world.file))
    wait_until("loaded when the alerter starts", lambda: world.alerts("watched") == [("owner", "open")])
    world.file.write_text("{")
    wait_until("a file that cannot be used is named", lambda: "no JSON at byte 1" in alerter.words())
    check("and what held before holds on", [("owner", "open")], world.alerts("watched"))
    world.write({"contracts": [{"id": "w", "namespace": SHOP, "name": "watched", "documentation": True}]})
    wait_until("loaded when it changes", lambda: world.alerts("watched") == [("documentation", "open"), ("owner", "resolved")])
    alerter.process.send_signal(signal.SIGHUP)
    wait_until("read again on SIGHUP", lambda: alerter.words(10**6).count("contracts loaded") == 3)
    check("the alerter lives", 0, alerter.stop())
    wrong = world.pipe.folder / "wrong.json"
    wrong.write_text('{"contracts": [{"id": 1}]}')
    code, _, said = world.metaops("contracts", "check", str(wrong))
    check("check names the place", (1, True), (code, "/contracts/0/id has to be a text" in said))
    for words in (["nothing"], ["check", "a", "b"], ["list", "x"], ["load", "--json"]):
        check(f"contracts {' '.join(words)}: usage", 2, world.metaops("contracts", *words)[0])


def backtest(world):
    def run(*words):
        code, out, said = world.metaops("drift", "backtest", *words)
        return (json.loads(out) if "--json" in words else out) if code == 0 else (code, said)

    def store():
        return world.pipe.query(
            "select (select md5(string_agg(a::text, '' order by alert_id)) from graph.alerts a), (select count(*) from graph.alert_events),"
            " (select count(*) from graph.alert_outbox), (select count(*) from graph.contracts), (select count(*) from graph.drift_forms)")

    world.write_dataset("sales", fields("id:int", "a:int"), owners("ann"), days_ago=20, job="sales")
    world.write_dataset("sales", fields("id:int"), owners("ann", "bob"), days_ago=10, job="sales")
    before = store()
    found = [a for a in run("--since", "15d", "--json")["alerts"] if a["name"] == "sales"]
    check("of one run the first kind is told, the other attached",
          [("schema", "told", "lost column a"), ("stewardship", "attached", "owner bob added")],
          sorted((a["kind"], a["fate"], a["title"]) for a in found))
    check("owners of today", [["ann", "bob"]] * 2, [a["owners"] for a in found])
    check("nothing before --since", [], [a for a in run("--since", "5d", "--json")["alerts"] if a["name"] == "sales"])
    world.write({"contracts": [
        {"id": "s", "namespace": SHOP, "name": "sales", "documentation": True, "severity": "critical", "tier": 3,
         "freshness": {"value": 7, "unit": "d"}, "schema": {"properties": [{"name": "a"}]}}],
        "rules": [{"kinds": ["schema"], "enabled": False}, {"kinds": ["stewardship"], "severity": "critical"}]})
    found = [a for a in run("--since", "30d", "--rules", str(world.file), "--json")["alerts"] if a["name"] == "sales"]
    check("with the rules and contracts of a file", sorted([
        ("schema", "off", "info", 10), ("stewardship", "told", "critical", 10), ("contract", "told", "warning", 20),
        ("contract", "told", "warning", 10), ("contract", "told", "warning", 13), ("contract", "told", "warning", 3)]),
        sorted((a["kind"], a["fate"], a["severity"], round(days_since(a["at"]))) for a in found))
    lines = run("--since", "30d", "--rules", str(world.file)).splitlines()
    check("the table: a line for kind and severity", ["contract", "warning", "4", "0", "0"],
          next(line.split() for line in lines if line.startswith("contract      warning")))
    check("and for week and owner", True, any(line.endswith("  bob") for line in lines))
    check("nothing changed", before, store())
    for words, code, said in ((["--since", "soon"], 1, "--since: soon is no time"), ([], 2, "usage"),
                              (["--since", "1d", "--rules", "/nowhere"], 1, "No such file")):
        given = run(*words)
        check(f"backtest {' '.join(words)}", (code, True), (given[0], said in given[1]))
    check("a reader may not", 1, world.metaops("drift", "backtest", "--since", "1d", role="reader")[0])


def days_since(time):
    return (datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.fromisoformat(time)).total_seconds() / 86400


def readme(world):
    example = re.search(r"```json\n(\{\n *\"contracts\".*?)```", (ROOT / "README.md").read_text(), re.S).group(1)
    code, said = world.load(json.loads(example))
    check("the README's example is taken", (0, True), (code, "contracts new" in said))
    world.load({})


def side_by_side(world):
    """A file is loaded while a transaction that makes a dataset is open: the dataset comes under it all the same."""
    world.write({"contracts": [{"id": "race", "namespace": "race", "name": "*", "owner": True}]})
    with psycopg.connect(world.pipe.dsn) as one:
        one.execute("insert into graph.datasets values (%s, 'race', 't', true)", (uuid.uuid4(),))
        one.execute("select graph.judge_contracts('{}')")
        loader = subprocess.Popen([world.pipe.program, "contracts", "load", str(world.file)], env=world.pipe.environment,
                                  stdout=subprocess.DEVNULL)
        wait_until("the loader waits", lambda: world.pipe.query("select 1 from pg_locks where not granted"))
        one.commit()
    check("loaded", 0, loader.wait(30))
    check("the dataset is under it", 1, world.pipe.value(
        "select count(*) from metaops.contracts where contract_id = 'race' and name = 't'"))
    world.load({})


def main():
    with Pipeline("contracts", 1, {"METAOPS_WORKER_BATCH_LINGER_MS": "0"}) as pipe:
        pipe.worker()
        world = World(pipe)
        for part in (broken_and_kept, first_sight, declared_later, fresh_and_stale, written_but_unread, told_by_age, rules,
                     under_an_alerter, backtest, readme, side_by_side):
            part(world)
            check("nothing could not be judged", [],
                  pipe.query("select failure from graph.contract_datasets where failure is not null"))
    end()


main()
