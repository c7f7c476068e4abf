#!/usr/bin/env bash
# The Prometheus rules, their cases (prometheus_rules_test.yaml), the example configuration and both Grafana
# dashboards: all parse, and each metric and label value in them is one of core/metrics_table.h.
# promtool comes from the PATH or, put there by tests/run, from build-test/tools.
set -euo pipefail
cd "$(dirname "$0")/../.."

promtool=$(command -v promtool || true)
[[ -n $promtool || ! -x build-test/tools/promtool ]] || promtool=$PWD/build-test/tools/promtool
if [[ -z $promtool ]]; then
    echo "not run: promtool is not installed (package prometheus)"
    exit 77
fi
if ! command -v python3 >/dev/null; then
    echo "not run: python3 is not installed"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

bad=0
# quiet COMMAND... - what it says only when it fails.
quiet() {
    "$@" >"$work/out" 2>&1 || {
        cat "$work/out"
        bad=1
    }
}
quiet "$promtool" check rules --lint-fatal compose/prometheus/rules.yaml
quiet "$promtool" check config compose/prometheus/scrape.yaml
quiet "$promtool" test rules tests/check/prometheus_rules_test.yaml
# Each alert fires in a case, and says what to do.
awk '
    FNR == NR { cases = cases $0 "\n"; next }
    /- alert:/ { close_alert(); alert = $3; split("", has) }
    /^ +(summary|description|runbook|severity):/ { has[$1] = 1 }
    function close_alert() {
        if (alert == "") { return }
        if (!index(cases, "\"" alert "\"")) { print alert " fires in no case"; bad = 1 }
        if (!(("summary:" in has) && ("description:" in has) && ("runbook:" in has) && ("severity:" in has))) {
            print alert " lacks severity, summary, description or runbook"; bad = 1
        }
    }
    END { close_alert(); exit bad }
' tests/check/prometheus_rules_test.yaml compose/prometheus/rules.yaml || bad=1
# The dashboards' queries as rules, so that promtool parses them.
quiet python3 tests/check/dashboards.py "$work/queries.yaml"
[[ ! -f $work/queries.yaml ]] || quiet "$promtool" check rules "$work/queries.yaml"
exit "$bad"
