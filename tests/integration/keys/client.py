"""client.py URL NAMESPACE - the OpenLineage client for Python sends one job event with the key of
OPENLINEAGE_API_KEY, in its own way; prints the exception's name when it is refused."""

import os
import sys

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, JobEvent

url, namespace = sys.argv[1:]
os.environ["OPENLINEAGE_URL"] = url
client = OpenLineageClient()
try:
    client.emit(JobEvent(eventTime="2026-03-01T10:00:00Z", job=Job(namespace=namespace, name="by-client")))
    print("taken")
except Exception as refused:
    print(type(refused).__name__, getattr(getattr(refused, "response", None), "status_code", ""))
