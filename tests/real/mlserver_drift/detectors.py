"""Detectors of alibi-detect in a real MLServer: what they say of flowers as they were and of grown ones, over HTTP and over Kafka,
is in the graph, each once, and the alerts begin and end with it."""

import tools
from checks import check
from mlserver_site import MlserverSite
from own_pipeline import Pipeline, wait_until
from polled_topics import PolledTopics, record

SERVER = "drift-server"
# One of each feature, one of each two requests together.
DETECTORS = {"by-feature": {"predict_parameters": {"drift_type": "feature"}}, "by-two": {"batch_size": 2}}

# namespace, detector, state, request, features, drifted ones, distance, p, threshold. Grown flowers lie outside of what was
# measured, so the distance of Kolmogorov and Smirnov is 1 and no chance is left; the reference is itself. Over all features the
# threshold is a fourth of 0.05, as Bonferroni corrects it.
EVALUATIONS = [
    ("", "by-feature", "clean", "as-they-were", 4, 0, 0.0, 1.0, 0.05),
    ("", "by-feature", "clean", "healed", 4, 0, 0.0, 1.0, 0.05),
    ("", "by-feature", "drifted", "grown", 4, 4, 1.0, 0.0, 0.05),
    ("", "by-feature", "drifted", "grown-by-kafka", 4, 4, 1.0, 0.0, 0.05),
    ("", "by-two", "drifted", "second", 1, 1, 1.0, 0.0, 0.0125),
    ("", "by-two", "not_evaluated", "first", 0, 0, None, None, None),
]
MONITORS = [("", name, "drift", "TabularDrift", "drift", "tabular", SERVER) for name in ("by-feature", "by-two")]
# name, status, title, evaluations, first and last bad request
ALERTS = [
    ("by-feature", "resolved", "by-feature: sees drift of 4 of 4 features", "2", "grown", "grown-by-kafka"),
    ("by-two", "open", "by-two: sees drift", "1", "second", "second"),
]


def ask(pipe, gateway, topics):
    with MlserverSite(pipe.folder, DETECTORS, topics.names, SERVER, "mlserver_alibi", "train_detectors.py") as site:
        measured = site.flowers()
        grown = [[number + 10 for number in row] for row in measured]
        # One after the other: the time of a verdict is that of its arrival.
        for model, request, rows in [
            ("by-feature", "as-they-were", measured), ("by-feature", "grown", grown), ("by-two", "first", grown[:75]), ("by-two", "second", grown[75:]),
        ]:
            site.pass_on(gateway, model, request, rows)
        topics.ask_until_answered(record("grown-by-kafka", {"mlserver-model": "by-feature"}, grown))
        wait_until("that is in the graph", lambda: pipe.value("select count(*) from metaops.drift_evaluations where request_id = 'grown-by-kafka'"))
        site.pass_on(gateway, "by-feature", "healed", measured)


def check_graph(pipe):
    check("evaluations, each once", EVALUATIONS, pipe.query(
        "select namespace, monitor, state, request_id, features, drifted_features, distance::float, p_value::float, threshold::float"
        " from metaops.drift_evaluations order by 1, 2, 3, 4"))
    check("detectors, and where they run", MONITORS, pipe.query(
        "select namespace, monitor, kind, detector, detector_type, data_type, runs_in from metaops.monitors order by 2"))
    check("alerts", ALERTS, pipe.query(
        "select name, status, title, detail ->> 'evaluations', detail ->> 'first_bad_request', detail ->> 'last_bad_request'"
        " from metaops.alerts where kind = 'model' order by 1"))
    check("no letters", 0, pipe.value("select count(*) from metaops.dead_letters"))


def main():
    with Pipeline("mlserver-drift", partitions=3) as pipe:
        gateway = pipe.gateway()
        pipe.worker()
        topics = PolledTopics(pipe, SERVER)
        pipe.wait_ready()
        ask(pipe, gateway, topics)
        topics.wait_stored()
        check_graph(pipe)


tools.run(main)
