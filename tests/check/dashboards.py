"""dashboards.py OUT - holds the Grafana dashboards and the Prometheus rules against core/metrics_table.h, and writes the
dashboards' PromQL as a rules file to OUT, to be parsed by promtool. Prints what is wrong; exit code 1 then."""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
bad = []


def known_metrics():
    """{name of a series: {label: values}} - of the table, and what core/metrics.c prints besides."""
    known = {}
    table = (ROOT / "core/metrics_table.h").read_text()
    for kind, name, labels in re.findall(r'METRIC\(\w+,\s*(\w+),\s*"(\w+)",\s*"((?:[^"\\]|\\.)*)"', table):
        for suffix in ("_bucket", "_sum", "_count") if kind == "HISTOGRAM" else ("",):
            values = known.setdefault(name + suffix, {})
            for label, value in re.findall(r'(\w+)=\\"([^"\\]*)\\"', labels):
                values.setdefault(label, set()).add(value)
    source = (ROOT / "core/metrics.c").read_text()
    for name in re.findall(r'metrics_print_head\("(\w+)"', source):
        known[name] = {}
    return known


def check_expression(place, expression, known):
    used = re.findall(r"\b((?:metaops|process)_\w+)\s*(?:\{([^}]*)\})?", expression)
    if not used and not re.search(r"\b(up|ALERTS)\{", expression):
        bad.append(f"{place}: uses no metric of ours: {expression}")
    for name, matchers in used:
        if name not in known:
            bad.append(f"{place}: there is no metric {name} in core/metrics_table.h")
            continue
        for label, value in re.findall(r'(\w+)="([^"]*)"', matchers):
            if label != "role" and value not in known[name].get(label, ()):
                bad.append(f'{place}: {name} is never {label}="{value}"')


def panels_of(dashboard):
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def check_layout(name, dashboard):
    """What Grafana would show wrong rather than refuse."""
    taken = {}
    ids = set()
    for panel in panels_of(dashboard):
        place = f"{name}: {panel['title']}"
        if panel["id"] in ids:
            bad.append(f"{place}: id {panel['id']} is taken")
        ids.add(panel["id"])
        grid = panel["gridPos"]
        if grid["x"] + grid["w"] > 24:
            bad.append(f"{place}: wider than the page")
        for x in range(grid["x"], grid["x"] + grid["w"]):
            for y in range(grid["y"], grid["y"] + grid["h"]):
                if (x, y) in taken:
                    bad.append(f"{place}: lies over {taken[x, y]}")
                    return
                taken[x, y] = panel["title"]
        if panel["type"] == "row":
            continue
        if not panel.get("description"):
            bad.append(f"{place}: no description")
        refs = [target["refId"] for target in panel["targets"]]
        if not refs or len(refs) != len(set(refs)):
            bad.append(f"{place}: no query, or two of one refId")
        for source in [panel["datasource"]] + [target["datasource"] for target in panel["targets"]]:
            if source["uid"] != "${datasource}":
                bad.append(f"{place}: the data source is {source['uid']}, not the variable")


def plain(expression):
    """Grafana's variables as Prometheus would get them."""
    for mark, value in (("$__rate_interval", "5m"), ("$__range", "1h"), ("$__interval", "1m"), ("$instance", ".*")):
        expression = expression.replace(mark, value)
    return expression


def main():
    known = known_metrics()
    queries = []
    rules = (ROOT / "compose/prometheus/rules.yaml").read_text()
    for block in re.split(r"\n\s+- alert: ", rules)[1:]:
        alert = block.split("\n", 1)[0]
        expression = re.search(r"expr: (.*?)\n\s+(?:for|labels):", block, re.S)[1]
        check_expression(f"rules.yaml: {alert}", expression, known)
    uids = set()
    for path in sorted((ROOT / "compose/grafana").glob("*.json")):
        dashboard = json.loads(path.read_text())
        if dashboard["uid"] in uids:
            bad.append(f"{path.name}: uid {dashboard['uid']} is taken")
        uids.add(dashboard["uid"])
        check_layout(path.name, dashboard)
        if not any(v["name"] == "datasource" and v["type"] == "datasource" for v in dashboard["templating"]["list"]):
            bad.append(f"{path.name}: no variable datasource")
        expressions = [(panel["title"], target["expr"]) for panel in panels_of(dashboard)
                       for target in panel.get("targets", []) if "expr" in target]
        expressions += [(note["name"], note["expr"]) for note in dashboard["annotations"]["list"] if "expr" in note]
        for title, expression in expressions:
            check_expression(f"{path.name}: {title}", expression, known)
            queries.append(plain(expression))
            if "$" in queries[-1]:
                bad.append(f"{path.name}: {title}: an unknown variable in {expression}")
    if len(uids) < 2 or len(queries) < 20:
        bad.append(f"found {len(uids)} dashboards with {len(queries)} queries")
    lines = ["groups:", "  - name: queries", "    rules:"]
    for number, query in enumerate(queries):
        lines += [f"      - record: query:{number}", f"        expr: {json.dumps(query)}"]
    pathlib.Path(sys.argv[1]).write_text("\n".join(lines) + "\n")
    for line in bad:
        print(line)
    return 1 if bad else 0


sys.exit(main())
