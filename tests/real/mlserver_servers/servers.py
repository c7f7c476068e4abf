"""metaops poll asks a real MLServer what it serves while models are unloaded and loaded over its repository API, and while it is away:
in which state which version is; and what the server counts by itself, before and after it was killed."""

import itertools
import re

import tools
from checks import check
from mlserver_site import SERVER, MlserverSite
from own_pipeline import Pipeline, wait_until

FRAUD = "fraud"
SETOSA = [5.1, 3.5, 1.4, 0.2]
TENSORS = [{"name": "predict", "datatype": "FP64", "shape": [-1, 4]}], [{"name": "predict", "datatype": "INT64", "shape": [-1, 1]}]
STATES = "select version, state from metaops.server_versions where model = 'iris' and until is null order by version"


def library():
    """As it is fixed in the list of packages."""
    fixed = (tools.SUPPORT / "requirements/mlserver.txt").read_text()
    return "scikit-learn/" + re.search("^scikit-learn==(.*)$", fixed, re.M)[1]


def wait_state(pipe, state):
    """Of both versions; MLServer's repository API is for models as a whole."""
    wait_until(f"both versions are {state}", lambda: pipe.query(STATES) == [("1", state), ("2", state)])


def change(site, act):
    check(f"{act} is done", 200, site.call("POST", f"/v2/repository/models/iris/{act}")[0])


def ask(pipe, site, right, wrong, successes, failures):
    """So many requests of either kind; then the server has counted so many in all."""
    for number in range(right):
        check("an answer", 200, site.ask("iris", f"right-{number}", [SETOSA])[0])
    for number in range(wrong):
        check("no answer", 500, site.ask("iris", f"wrong-{number}", [[1.0, 2.0]])[0])
    counts = "select coalesce(sum(successes), 0)::int, coalesce(sum(failures), 0)::int from metaops.server_counts where model = 'iris'"
    wait_until("the server's counts are in the graph", lambda: pipe.query(counts) == [(successes, failures)])


def watch(pipe, site):
    wait_state(pipe, "READY")
    ask(pipe, site, 3, 1, 3, 1)
    change(site, "unload")
    wait_state(pipe, "UNAVAILABLE")
    change(site, "load")
    wait_state(pipe, "READY")
    site.process.kill()
    wait_state(pipe, "UNREACHABLE")
    site.start()
    wait_state(pipe, "READY")
    # It counts from nought again.
    ask(pipe, site, 2, 0, 5, 1)


def check_graph(pipe):
    check("what the versions are", [("1", "sklearn", [library()], *TENSORS), ("2", "sklearn", [library()], *TENSORS)], pipe.query(
        "select distinct version, platform, libraries, inputs, outputs from metaops.server_versions order by version"))
    # A look may meet a server that has just begun, and find it away for more than one reason.
    seen = [state for state, in pipe.query("select state from metaops.servers order by since") if state != "NOT_READY"]
    check("states of the server", ["READY", "UNREACHABLE", "READY"], [state for state, _ in itertools.groupby(seen)])
    check("what it is", [(FRAUD, SERVER, "1.7.1")], pipe.query("select distinct namespace, server, version from metaops.servers"))
    check("each state of a version lasts until the next one", [("1", True), ("2", True)], pipe.query(
        "select version, bool_and(since < coalesce(until, 'infinity') and (until is null) = (next is null) and coalesce(until = next, true))"
        " from (select *, lead(since) over (partition by version order by since) as next from metaops.server_versions) v group by 1 order by 1"))
    check("all of it is observed", [("deployment", SERVER), ("model", "iris"), ("version 1", "iris"), ("version 2", "iris")], pipe.query(
        "select 'deployment', name from metaops.deployments where source = 'observed' union all"
        " select 'model', name from metaops.models where source = 'observed' union all"
        " select 'version ' || version, name from metaops.model_versions where source = 'observed' order by 1"))
    check("that it began anew is seen once", 1, pipe.value("select count(*) from metaops.server_counts where has_restarted"))
    check("no letters", 0, pipe.value("select count(*) from metaops.dead_letters"))


def main():
    with Pipeline("mlserver-servers", partitions=3) as pipe, MlserverSite(pipe.folder, {"iris": ("1", "2")}) as site:
        pipe.worker()
        poll = pipe.poll(
            METAOPS_POLL_MLSERVER_SERVERS=f"{FRAUD}/{SERVER}={site.url}",
            METAOPS_POLL_MLSERVER_INTERVAL_MS="200",
            METAOPS_POLL_MLSERVER_METRICS_PORT=str(site.settings["metrics_port"]),
            METAOPS_POLL_MLSERVER_METRICS_INTERVAL_MS="200",
            # A busy server is not one that is away.
            METAOPS_POLL_MLSERVER_TIMEOUT_MS="30000",
        )
        pipe.wait_ready()
        watch(pipe, site)
        check("an orderly end", 0, poll.stop())
        pipe.wait_stored()
        check_graph(pipe)


tools.run(main)
