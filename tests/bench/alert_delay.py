"""alert_delay - from the POST of an event with a lost column to the receipt of its alert by a webhook, beside other load.

    alert_delay.py PORT COUNT EVERY_MS   listens on PORT, wants METAOPS_GATEWAY_URL; the stack tells
                                         http://127.0.0.1:PORT/ of alerts

Each sample is a dataset of its own: one event states two columns, a later one a single column."""

import datetime
import json
import os
import sys
import time
import urllib.request

from receiver import Receiver

GATEWAY = os.environ["METAOPS_GATEWAY_URL"] + "/api/v1/lineage"
NAMESPACE = f"alert-delay-{os.getpid()}"
PATIENCE_S = 60


def post(dataset, columns):
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    facet = {"_producer": "https://example.com/bench", "fields": [{"name": c, "type": "int"} for c in columns]}
    event = {"eventTime": now, "producer": "https://example.com/bench",
             "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent",
             "dataset": {"namespace": NAMESPACE, "name": dataset, "facets": {"schema": facet}}}
    request = urllib.request.Request(GATEWAY, json.dumps(event).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 201, answer.status


def received(receiver):
    """Dataset -> when its alert came first."""
    return {message.json["name"]: message.at for message in reversed(list(receiver.messages))
            if message.json["namespace"] == NAMESPACE}


def main():
    port, count, every_s = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) / 1000
    receiver = Receiver(port=port)
    names = [f"dataset_{number}" for number in range(count)]
    for name in names:
        post(name, ["id", "amount"])
    sent_s = {}
    due_s = time.time()
    for name in names:
        due_s += every_s
        time.sleep(max(0.0, due_s - time.time()))
        sent_s[name] = time.time()
        post(name, ["id"])
    end_s = time.time() + PATIENCE_S
    while len(received(receiver)) < count and time.time() < end_s:
        time.sleep(0.05)
    received_s = received(receiver)
    waits_ms = sorted((received_s[name] - sent_s[name]) * 1000 for name in names if name in received_s)
    if len(waits_ms) < count:
        sys.exit(f"alert_delay: {count - len(waits_ms)} of {count} alerts did not come within {PATIENCE_S} s")
    print(f"  from POST to webhook    p50 {waits_ms[count // 2]:.0f} ms, p99 {waits_ms[(count * 99 + 99) // 100 - 1]:.0f} ms, "
          f"at most {waits_ms[-1]:.0f} ms ({count} alerts)")


main()
