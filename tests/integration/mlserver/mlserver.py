"""Servers of MLServer as metaops poll sees them, into the views. A day of a server, written by hand, gives the intervals written
by hand, in any order and told twice. Then captured answers of the real program over HTTP, and what it wrote to Kafka: one
server, one model, known as observed and under the same names."""

import json
import random

from avro_records import event_record
from checks import check, end
from fake_mlserver import DATA, FakeServer
from own_pipeline import Pipeline, wait_until

TENSORS = [{"name": "predict", "datatype": "FP64", "shape": [-1, 4]}]
ANSWERED = [{"name": "predict", "datatype": "INT64", "shape": [-1, 1]}]


def model(version, state, reason="", **metadata):
    row = {"model": "iris", "version": version, "state": state, "reason": reason}
    return {**row, "metadata": metadata} if metadata else row


def event(kind, at, **data):
    """As poll writes it."""
    body = {
        "specversion": "1.0", "id": f"{kind}-{at}", "source": "urn:metaops:poll", "type": f"io.metaops.server.{kind}",
        "time": f"2026-11-23T{at if at.count(':') > 1 else at + ':00'}Z", "data": {"namespace": "fraud", "server": "iris-server", **data},
    }  # fmt: skip
    return event_record(json.dumps(body).encode(), format="cloudevents")


def observed(at, *models, state="READY", reason="", whole=False, **more):
    return event("observed", at, state=state, reason=reason, isWhole=whole, models=models, **more)


AWAY = {"state": "UNREACHABLE", "reason": "no answer"}
DAY = [
    observed("10:00", model("1", "READY"), model("2", "LOADING"), whole=True, version="1.7.1", extensions=["x"]),
    observed("10:01", model("2", "READY", platform="sklearn", libraries=["numpy/2.4.6"], inputs=TENSORS, outputs=ANSWERED)),
    observed("11:00", model("1", "READY"), model("2", "READY"), whole=True),
    observed("11:10", **AWAY),
    # Version 1 is not named any more, though everything is.
    observed("11:20", model("2", "READY"), whole=True),
    observed("11:25", model("2", "UNAVAILABLE", "out of memory")),
    observed("11:30", **AWAY),
    observed("11:31", **AWAY),
    observed("11:40", whole=True),
    # That the server is not ready is no reason why a version is gone.
    observed("11:45", state="NOT_READY", reason="readiness: status 400", whole=True),
    observed("11:50", whole=True),
]
# version, state, reason, since, until, last seen
VERSIONS = [
    ("1", "READY", None, "10:00", "11:10", "11:00"),
    ("1", "UNREACHABLE", "no answer", "11:10", "11:20", "11:10"),
    ("1", "GONE", None, "11:20", None, "11:50"),
    ("2", "LOADING", None, "10:00", "10:01", "10:00"),
    ("2", "READY", None, "10:01", "11:10", "11:00"),
    ("2", "UNREACHABLE", "no answer", "11:10", "11:20", "11:10"),
    ("2", "READY", None, "11:20", "11:25", "11:20"),
    ("2", "UNAVAILABLE", "out of memory", "11:25", "11:30", "11:25"),
    ("2", "UNREACHABLE", "no answer", "11:30", "11:40", "11:31"),
    ("2", "GONE", None, "11:40", None, "11:50"),
]
SERVERS = [
    ("READY", None, "10:00", "11:10", "11:00"),
    ("UNREACHABLE", "no answer", "11:10", "11:20", "11:10"),
    ("READY", None, "11:20", "11:30", "11:25"),
    ("UNREACHABLE", "no answer", "11:30", "11:40", "11:31"),
    ("READY", None, "11:40", "11:45", "11:40"),
    ("NOT_READY", "readiness: status 400", "11:45", "11:50", "11:45"),
    ("READY", None, "11:50", None, "11:50"),
]
def counted(at, successes, failures, timed, duration_us, **began):
    return event("counted", at, models=[
        {"model": "iris", "successes": successes, "failures": failures, "timed": timed, "durationUs": duration_us, **began}])  # fmt: skip


COUNTED = [
    counted("10:00", 100, 2, 102, 510000),
    counted("10:01", 130, 3, 133, 665000),
    # It has started anew.
    counted("10:03", 4, 0, 4, 8000),
    counted("10:04", 4, 1, 4, 8000),
    counted("10:05", 10, 1, 10, 20000),
    # Another poll asked earlier: it knows less, and nothing is counted twice.
    counted("10:05:01", 9, 1, 9, 18000),
    counted("10:06", 12, 1, 12, 24000),
    # It says when it began to count; having started anew it may have counted more than before.
    counted("10:07", 20, 1, 20, 40000, beganUs=1795428390000000),
    counted("10:08", 25, 1, 25, 50000, beganUs=1795428470000000),
    # A clock that goes after: what the one before had counted.
    counted("10:09", 21, 1, 21, 42000, beganUs=1795428390000000),
    counted("10:10", 24, 1, 24, 48000, beganUs=1795428470000000),
    counted("10:11", 27, 1, 27, 54000, beganUs=1795428470000000),
]
# since, until, successes, failures, timed, milliseconds, mean, has restarted
COUNTS = [
    (None, "10:00", 100, 2, 102, 510, 5, False),
    ("10:00", "10:01", 30, 1, 31, 155, 5, False),
    ("10:01", "10:03", 4, 0, 4, 8, 2, True),
    ("10:03", "10:04", 0, 1, 0, 0, None, False),
    ("10:04", "10:05", 6, 0, 6, 12, 2, False),
    ("10:05", "10:05", 0, 0, 0, 0, None, False),
    ("10:05", "10:06", 2, 0, 2, 4, 2, False),
    ("10:06", "10:07", 20, 1, 20, 40, 2, True),
    ("10:07", "10:08", 25, 1, 25, 50, 2, True),
    ("10:08", "10:09", 1, 0, 1, 2, 2, False),
    ("10:09", "10:10", 0, 0, 0, 0, None, False),
    ("10:10", "10:11", 2, 0, 2, 4, 2, False),
]
TIMES = ", ".join(f"to_char({name} at time zone 'UTC', 'HH24:MI')" for name in ("since", "until", "last_seen"))


def tell(pipe, records):
    pipe.produce(pipe.topic, [(None, None, record) for record in records])
    pipe.wait_stored()


def day():
    with Pipeline("mlserver-day", 3) as pipe:
        pipe.worker()
        pipe.wait_ready()
        tell(pipe, DAY + COUNTED)
        check("states of each version", VERSIONS, pipe.query(
            f"select version, state, reason, {TIMES} from metaops.server_versions"
            " where namespace = 'fraud' and server = 'iris-server' and model = 'iris' order by version, metaops.server_versions.since"))
        check("states of the server", SERVERS, pipe.query(f"select state, reason, {TIMES} from metaops.servers order by metaops.servers.since"))
        check("which version was in which state at 11:27", [("1", "GONE"), ("2", "UNAVAILABLE")], pipe.query(
            "select version, state from metaops.server_versions where since <= '2026-11-23 11:27Z'"
            " and (until > '2026-11-23 11:27Z' or until is null) order by version"))
        check("what the server says of itself and of the version", [("1.7.1", ["x"], "sklearn", ["numpy/2.4.6"], TENSORS, ANSWERED)], pipe.query(
            "select distinct s.version, s.extensions, v.platform, v.libraries, v.inputs, v.outputs"
            " from metaops.servers s join metaops.server_versions v using (namespace, server) where v.version = '2'"))
        check("what it counted between two readings", COUNTS, pipe.query(
            "select to_char(since at time zone 'UTC', 'HH24:MI'), to_char(until at time zone 'UTC', 'HH24:MI'), successes::int, failures::int,"
            " timed::int, duration_ms::int, latency_ms_mean::int, has_restarted from metaops.server_counts order by metaops.server_counts.until"))
        check("none of it is a prediction that was told", 0, pipe.value("select count(*) from metaops.inference_windows"))
        check("all is observed", [("deployment", "iris-server", None), ("model", "iris", None), ("version", "iris", "1"), ("version", "iris", "2")], pipe.query(
            "select 'deployment', name, null from metaops.deployments where source = 'observed' union all"
            " select 'model', name, null from metaops.models where source = 'observed' union all"
            " select 'version', name, version from metaops.model_versions where source = 'observed' order by 1, 2, 3"))
        # Version 1 told nothing of itself; at the end of the day the server is ready, with nothing on it.
        check("what is known of it as minimum metadata", [("deployment", None, [], ["model_version"]),
            ("model_version", "1", ["framework", "tensors"], []), ("model_version", "2", [], [])], pipe.query(
            "select kind, version, array(select m from unnest(missing) m where m in ('framework', 'tensors', 'ready') order by 1),"
            " array(select m from unnest(missing) m where kind = 'deployment' and m = 'model_version')"
            " from metaops.minimum_metadata where kind in ('deployment', 'model_version') order by kind, version"))
        check("what it serves is made of: version 2 only from the time on when it is ready", (["iris@1"], ["iris@1", "iris@2"]), tuple(
            [name for name, in pipe.query("select name from metaops.upstream('fraud', 'iris-server', kind => 'deployment', as_of => %s)"
                                          " where kind = 'model_version' order by name", at)]
            for at in ("2026-11-23 10:00:30Z", "2026-11-23 10:10Z")))
        check("it is kept as long as windows are", (len(DAY) + 7, 0), (
            pipe.value("select graph.expire_rows('server_observations', 'at', '2026-11-24Z', 1000, true)"),
            pipe.value("select graph.expire_rows('server_counts', 'at', '2026-11-23Z', 1000, false)")))
        check("no event, no letter", (0, 0), (pipe.value("select count(*) from metaops.events"), pipe.value("select count(*) from metaops.dead_letters")))
        return pipe.checksum()


def shuffled(seed):
    records = 2 * (DAY + COUNTED)
    random.Random(seed).shuffle(records)
    with Pipeline("mlserver-order", 1 + seed % 3) as pipe:
        for number in range(1 + seed % 2):
            pipe.worker(number + 1)
        pipe.wait_ready()
        # In two parts, so that rows meet in the database, too, and not only in one batch.
        tell(pipe, records[:7])
        tell(pipe, records[7:])
        return pipe.checksum()


def states(pipe):
    return pipe.query("select version, state from metaops.server_versions where until is null order by version")


def asked():
    with Pipeline("mlserver-asked", 2) as pipe, FakeServer() as server:
        server.answers["GET", "/metrics"] = (200, (DATA / "metrics_8082.prom").read_bytes())
        server.replay("v2_server_metadata.http", "v2_health_ready.http", "v2_repository_index.http", "v2_model_version_metadata.http")
        pipe.worker()
        pipe.poll(METAOPS_POLL_MLSERVER_SERVERS=f"iris-server={server.url}, dead=http://127.0.0.2:1", METAOPS_POLL_MLSERVER_INTERVAL_MS="100",
                  METAOPS_POLL_MLSERVER_TIMEOUT_MS="30000", METAOPS_POLL_MLSERVER_METRICS_PORT=server.url.split(":")[-1])  # fmt: skip
        pipe.wait_ready()
        wait_until("both versions are ready", lambda: states(pipe) == [("1", "READY"), ("2", "READY")])
        check("what the captured answer says", [("1", "sklearn", ["scikit-learn/1.9.1", "numpy/2.4.6"], TENSORS)], pipe.query(
            "select version, platform, libraries, inputs from metaops.server_versions where platform is not null"))
        wait_until("what it has counted is there", lambda: pipe.query("select successes::int, failures::int, timed::int, duration_ms::float from"
                   " metaops.server_counts where server = 'iris-server' and model = 'iris'") == [(6, 1, 7, 48.255)])
        wait_until("the server that nobody runs is there", lambda: pipe.query("select state, reason from metaops.servers where server = 'dead'")
                   == [("UNREACHABLE", "no answer")])
        server.answers["POST", "/v2/repository/index"] = (200, b'[{"name":"iris","version":"2","state":"UNAVAILABLE","reason":"x"}]')
        wait_until("one is gone, one is unavailable", lambda: states(pipe) == [("1", "GONE"), ("2", "UNAVAILABLE")])


def main():
    sums = {day()} | {shuffled(seed) for seed in range(3)}
    check("the same graph in every order, told once or twice", 1, len(sums))
    asked()
    end()


main()
