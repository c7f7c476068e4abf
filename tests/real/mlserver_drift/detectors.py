"""Detectors of alibi-detect in a real MLServer: what they say of flowers as they were and of grown ones, over HTTP and over Kafka,
is in the graph, each once, and the alerts begin and end with it."""

import tools
from checks import check, end
from committed import is_committed
from mlserver_site import MlserverSite, record, send
from own_pipeline import Pipeline, wait_until

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


def flowers(site):
    """The detectors' reference, from their own Python."""
    return site.output("import json, sklearn.datasets as d; print(json.dumps(d.load_iris().data.tolist()))")


def ask(pipe, gateway, requests, answered):
    with MlserverSite(pipe.folder, DETECTORS, (requests, answered), SERVER, "mlserver_alibi", "train_detectors.py") as site:
        measured = flowers(site)
        grown = [[number + 10 for number in row] for row in measured]
        # One after the other: the time of a verdict is that of its arrival.
        for model, request, rows in [
            ("by-feature", "as-they-were", measured), ("by-feature", "grown", grown), ("by-two", "first", grown[:75]), ("by-two", "second", grown[75:]),
        ]:
            site.pass_on(gateway, model, request, rows)
        over_kafka = [record("grown-by-kafka", {"mlserver-model": "by-feature"}, grown)]

        def is_answered():
            # What comes before the server reads is never seen; the same request again is the same one.
            send(requests, over_kafka)
            return sum(pipe.ends(answered).values()) > 0

        wait_until("the detector answers over Kafka", is_answered)
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
        requests, answered = f"{pipe.name}.in", f"{pipe.name}.out"
        pipe.make_topic(requests, 1)
        pipe.make_topic(answered, 1)
        gateway = pipe.gateway()
        pipe.worker()
        pipe.poll(
            METAOPS_POLL_GROUP=f"{pipe.name}-poll",
            METAOPS_POLL_MLSERVER_INPUT_TOPIC=requests,
            METAOPS_POLL_MLSERVER_OUTPUT_TOPIC=answered,
            METAOPS_POLL_MLSERVER_SERVICE=SERVER,
        )
        pipe.wait_ready()
        ask(pipe, gateway, requests, answered)
        ends = {topic: pipe.ends(topic) for topic in (requests, answered)}
        wait_until("both topics are read to their ends", lambda: is_committed(f"{pipe.name}-poll", ends))
        pipe.wait_stored()
        check_graph(pipe)


try:
    main()
except tools.NotRun as reason:
    print(f"not run: {reason}")
    raise SystemExit(77)
end()
