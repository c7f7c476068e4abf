"""alerting - what the tests of alerts share: a store with a dataset, and alerts raised in it as a sink does."""

import json
import uuid

import psycopg

NAMESPACE = "postgres://shop"
DATASET = "public.orders"


def prepare(pipe):
    """A dataset that alerts can be about."""
    pipe.query(
        "insert into graph.datasets (dataset_uuid, namespace, name, confirmed)"
        " values (%s, %s, %s, true) on conflict do nothing", uuid.UUID(int=7), NAMESPACE, DATASET)


def owner(pipe):
    """A connection that may raise alerts, as the functions that sinks call may."""
    return psycopg.connect(pipe.dsn, autocommit=True)


def raise_alert(connection, number, severity="warning", kind="schema", is_past=False, title=None, detail=None, downstream=()):
    """One change, as the sink tells of it; the same number is the same alert."""
    connection.execute(
        "select graph.raise_alert(%s, %s, %s, 3::smallint, %s, %s, %s, %s, %s, now(), %s, %s, null)",
        (uuid.UUID(int=number), kind, severity, uuid.UUID(int=7), f"column_{number}",
         title or f"column_{number} was removed from {DATASET}",
         json.dumps(detail or {"changes": [{"change": "removed", "field": f"column_{number}"}], "owners": ["team-a"]}),
         json.dumps(list(downstream)), None, is_past))
