"""Runs what the dashboards ask. Grafana's variables and macros are replaced as Grafana replaces them: the time range
is the last week, the dataset the middle one of three."""
import json
import os
import pathlib
import re
import urllib.request

import pipeline_client

ROOT = pathlib.Path(__file__).resolve().parents[3]
NAMESPACE = "dashboards"
RANGE = ("2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z")
VARIABLES = {
    "namespace": "'dashboards','other'", "job_namespace": "'dashboards'", "dataset_namespace": "'dashboards'",
    "dataset": "'b''s table'", "depth": "3",
}


def event(kind, hour, run, job, inputs, outputs, facets="{}"):
    def names(datasets):
        return ",".join('{"namespace":"%s","name":"%s"}' % (NAMESPACE, name) for name in datasets)

    return ('{"eventType":"%s","eventTime":"2026-01-02T%02d:00:00Z","producer":"https://example.com/dashboards",'
            '"schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",'
            '"run":{"runId":"00000000-0000-4000-8000-0000000da5%02d","facets":%s},'
            '"job":{"namespace":"%s","name":"%s"},"inputs":[%s],"outputs":[%s]}'
            % (kind, hour, run, facets, NAMESPACE, job, names(inputs), names(outputs))).encode()


EVENTS = [
    event("START", 1, 1, "make b", ["a"], ["b's table"]),
    event("COMPLETE", 2, 1, "make b", ["a"], ["b's table"]),
    event("START", 3, 2, "make c", ["b's table"], ["c"]),
    event("FAIL", 4, 2, "make c", ["b's table"], ["c"],
          '{"errorMessage":{"_producer":"https://example.com","_schemaURL":"https://example.com/e.json",'
          '"message":"no room","programmingLanguage":"SQL"}}'),
]
# By hand from the events: rows of some panels, without columns that depend on the hour of the test.
EXPECTED = {
    "Lineage nodes": ["id|title|subTitle|mainStat|color",
                      "dashboards/a|a|dashboards|upstream|blue",
                      "dashboards/b's table|b's table|dashboards|start|orange",
                      "dashboards/c|c|dashboards|downstream|green"],
    "Lineage edges": ["id|source|target|mainStat",
                      "dashboards/a > dashboards/b's table|dashboards/a|dashboards/b's table|make b",
                      "dashboards/b's table > dashboards/c|dashboards/b's table|dashboards/c|make c"],
    "What breaks without it": ["depth|namespace|name|owner|last_written_at", "1|dashboards|c|NULL|NULL"],
    "Datasets": ["datasets", "3"],
    "Jobs": ["jobs", "2"],
    "Runs in range": ["runs", "2"],
    "Failed in range": ["failed", "1"],
    "Failed runs": ["started_at|job_namespace|job_name|run_id|error_message",
                    "2026-01-02 03:00:00+00|dashboards|make c|00000000-0000-4000-8000-0000000da502|no room"],
    "Runs by state": ["time|metric|runs", "1767315600|COMPLETED|1", "1767322800|FAILED|1"],
    "Slowest jobs": ["job_namespace|job_name|runs|median_ms|longest_ms", "dashboards|make b|1|3600000|3600000"],
}


def as_grafana(text):
    text = re.sub(r"\$\{(\w+):sqlstring\}", lambda match: VARIABLES[match[1]], text)
    text = text.replace("${depth}", VARIABLES["depth"])
    text = re.sub(r"\$__timeFilter\((\w+)\)", r"\1 BETWEEN '%s' AND '%s'" % RANGE, text)
    units = {"10m": 600, "1h": 3600}
    return re.sub(r"\$__timeGroup\((\w+), '(\w+)'\)",
                  lambda match: f"floor(extract(epoch from {match[1]})/{units[match[2]]})*{units[match[2]]}", text)


def check_sql(checks):
    dashboard = json.loads((ROOT / "compose/grafana/lineage.json").read_text())
    statements = []
    for panel in dashboard["panels"]:
        several = len(panel.get("targets", [])) > 1
        for target in panel.get("targets", []):
            statements.append((panel["title"] + (f" {target['refId']}" if several else ""), target["rawSql"]))
    statements += [(f"variable {v['name']}", v["query"]) for v in dashboard["templating"]["list"]
                   if v["type"] == "query"]
    seen = set()
    for title, text in statements:
        text = as_grafana(text)
        rows = pipeline_client.query(text, header=True)
        if title in EXPECTED:
            checks.table(title, EXPECTED[title], rows)
            seen.add(title)
        else:
            checks.true(f"{title}: {rows[0][:300] if rows else 'nothing'}",
                        "$" not in text and bool(rows) and not rows[0].startswith("ERROR"))
    checks.true("every panel with expected rows is there", seen == set(EXPECTED))


def check_metrics(checks):
    wanted = {"gateway": set(), "worker": set()}
    texts = [(ROOT / "compose/grafana/operations.json").read_text(), (ROOT / "compose/prometheus/rules.yaml").read_text()]
    for text in texts:
        for name, role in re.findall(r'\b((?:metaops|process)_\w+)\s*\{role=\\?"(gateway|worker)', text):
            wanted[role].add(name)
    for role, variable in (("gateway", "METAOPS_ADMIN_URL"), ("worker", "METAOPS_WORKER_ADMIN_URL")):
        with urllib.request.urlopen(os.environ[variable] + "/metrics", timeout=120) as answer:
            shown = set(re.findall(r"^(\w+)", answer.read().decode(), re.M))
        checks.true(f"the {role} shows {len(wanted[role])} metrics, missing: {sorted(wanted[role] - shown)}",
                    len(wanted[role]) > 5 and not wanted[role] - shown)


def main():
    checks = pipeline_client.Checks()
    pipeline_client.land(EVENTS)
    os.environ["METAOPS_DSN"] = os.environ["METAOPS_READER_DSN"]
    check_sql(checks)
    check_metrics(checks)
    checks.end()


main()
