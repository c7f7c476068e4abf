"""polled_topics - the two topics by which an MLServer is asked over Kafka, and metaops poll, which reads them."""

import json
import os

from confluent_kafka import Producer

from committed import is_committed
from mlserver_site import flowers_input
from own_pipeline import LIMIT_S, wait_until


def record(key, headers, rows, body=None):
    """A request."""
    return key, headers, json.dumps(flowers_input(rows)).encode() if body is None else body


class PolledTopics:
    def __init__(self, pipe, service, namespace=""):
        """service, namespace: what serves, as requests do not say it."""
        self.pipe = pipe
        self.group = f"{pipe.name}-poll"
        self.names = self.requests, self.answers = f"{pipe.name}.in", f"{pipe.name}.out"
        for name in self.names:
            pipe.make_topic(name, 1)
        self.role = pipe.poll(
            METAOPS_POLL_GROUP=self.group,
            METAOPS_POLL_MLSERVER_INPUT_TOPIC=self.requests,
            METAOPS_POLL_MLSERVER_OUTPUT_TOPIC=self.answers,
            METAOPS_POLL_MLSERVER_SERVICE=service,
            METAOPS_POLL_MLSERVER_NAMESPACE=namespace,
        )

    def ask(self, *records):
        producer = Producer({"bootstrap.servers": os.environ["METAOPS_KAFKA"]})
        failures = []
        for key, headers, value in records:
            producer.produce(self.requests, value, key, headers=headers, on_delivery=lambda e, _: e and failures.append(e))
        left = producer.flush(LIMIT_S)
        if left or failures:
            raise AssertionError(f"not on {self.requests}: {left}, {failures}")

    def ask_until_answered(self, request):
        """The first of all requests, again and again: MLServer never sees what comes before it reads. The same request under the
        same key counts once."""

        def is_answered():
            self.ask(request)
            return sum(self.pipe.ends(self.answers).values()) > 0

        wait_until("MLServer answers over Kafka", is_answered)

    def wait_stored(self):
        """Until all that is on them by now is in the graph."""
        ends = {name: self.pipe.ends(name) for name in self.names}
        wait_until("both topics are read so far", lambda: is_committed(self.group, ends))
        self.pipe.wait_stored()
