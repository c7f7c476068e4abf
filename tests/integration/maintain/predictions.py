"""`metaops maintain` and predictions: pairs, windows, verdicts of detectors and ids of payloads go at their times, each by itself;
what comes twice meanwhile still counts once, and the graph stays."""

import datetime
import json
import os
import subprocess
import urllib.request

from checks import check, end
from confluent_kafka.admin import AdminClient, ConfigResource
from own_pipeline import PROGRAM, Pipeline

NOW = datetime.datetime.now(datetime.timezone.utc)
AGES = (0, 10, 500)  # days: younger than all, than windows, than nothing
GRAPH = ["models", "model_versions", "deployments", "inference_streams", "monitors"]


def event(kind, days, data):
    return {
        "specversion": "1.0", "id": f"{kind}-{days}", "source": "s", "type": f"io.seldon.serving.inference.{kind}",
        "time": (NOW - datetime.timedelta(days=days)).isoformat(), "inferenceservicename": "d", "modelid": "m",
        "requestid": f"r-{days}", "data": data,
    }


def events():
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 2]}
    for days in AGES:
        yield event("request", days, {"inputs": [tensor]})
        yield event("response", days, {"outputs": [tensor]})
        yield event("drift", days, {"data": {"is_drift": 0}})
    # An answer whose request never came.
    yield {**event("response", 10, {"outputs": []}), "requestid": "alone"}


def send(gateway):
    body = json.dumps(list(events())).encode()
    request = urllib.request.Request(f"{gateway.url}/api/v1/cloudevents", body, {"Content-Type": "application/cloudevents-batch+json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        check("all are taken", 200, answer.status)


def maintain(pipe, *words, **settings):
    done = subprocess.run([PROGRAM, "maintain", *words], capture_output=True, timeout=120,
                          env={**pipe.environment, **settings, "METAOPS_POSTGRES_CONNINFO": pipe.dsn})
    check("maintain ends well", 0, done.returncode)
    return done.stdout.decode()


def counts(pipe):
    """-> pairs, windows, tensors, evaluations, ids of payloads"""
    return pipe.query(
        "select (select count(*)::int from graph.inference_pairs), (select count(*)::int from graph.inference_windows),"
        " (select count(*)::int from graph.inference_tensors), (select count(*)::int from graph.drift_evaluations),"
        " (select count(*)::int from graph.event_ids where is_payload)")[0]


def graph(pipe):
    return {view: pipe.value(f"select graph.rows_digest('select * from metaops.{view}')") for view in GRAPH}


def kept_by_kafka(pipe, retention_ms):
    admin = AdminClient({"bootstrap.servers": os.environ["METAOPS_KAFKA"]})
    topic = ConfigResource(ConfigResource.Type.TOPIC, pipe.topic, set_config={"retention.ms": str(retention_ms)})
    admin.alter_configs([topic])[topic].result()


def main():
    with Pipeline("maintain-predictions", 2) as pipe:
        gateway = pipe.gateway()
        pipe.worker()
        pipe.wait_ready()
        send(gateway)
        pipe.wait_stored()
        before = graph(pipe)
        # Pairs: one for each age, and the answer alone. It and those of 10 days may share a window. Evaluations: one for
        # each age, and the answer without tensors.
        check("all is there", (4, 3, 6, 4, 10), counts(pipe))
        said = maintain(pipe, "--dry-run")
        check("dry run: says it", True, all(line in said for line in ("pairs          3 to be deleted", "windows        3 to be deleted",
                                                                    "evaluations    1 to be deleted")))
        check("dry run: changes nothing", (4, 3, 6, 4, 10), counts(pipe))
        maintain(pipe)
        check("pairs of more than a week are gone, of windows and verdicts those of more than 400 days", (1, 2, 4, 3, 10), counts(pipe))
        check("the graph stays", before, graph(pipe))
        check("retention is told to the audit", [("evaluations",), ("pairs",), ("windows",)], pipe.query(
            "select detail::jsonb ->> 'of' from graph.audit_acts where kind = 'retention' order by 1"))
        send(gateway)
        pipe.wait_stored()
        check("what comes again is a duplicate, its window gone or not", (1, 2, 4, 3, 10), counts(pipe))
        pipe.query("update graph.event_ids set received_at = received_at - interval '40 days'")
        kept_by_kafka(pipe, -1)
        check("ids stay while Kafka keeps records for ever", True, "kept for ever, as Kafka" in maintain(pipe))
        check("all of them", 10, counts(pipe)[4])
        kept_by_kafka(pipe, 60 * 86400000)
        maintain(pipe)
        check("and while Kafka may bring them again", 10, counts(pipe)[4])
        kept_by_kafka(pipe, 86400000)
        maintain(pipe, METAOPS_POSTGRES_PAYLOAD_ID_RETENTION_DAYS="0")
        check("and where nothing is set", 10, counts(pipe)[4])
        maintain(pipe)
        check("then they go", 0, counts(pipe)[4])
        maintain(pipe, METAOPS_POSTGRES_PREDICTION_RETENTION_DAYS="9", METAOPS_POSTGRES_PREDICTION_PAIR_RETENTION_DAYS="0")
        check("other times", (1, 1, 2, 1, 0), counts(pipe))
    end()


main()
