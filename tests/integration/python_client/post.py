"""post.py URL plain|gzip NAMESPACE - one run, START and COMPLETE; prints its run id."""

import sys
import uuid

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import schema_dataset
from openlineage.client.transport.http import HttpCompression, HttpConfig, HttpTransport


def main() -> None:
    url, kind, namespace = sys.argv[1:]
    compression = HttpCompression.GZIP if kind == "gzip" else None
    config = HttpConfig(url=url, compression=compression)
    client = OpenLineageClient(transport=HttpTransport(config))
    run = Run(runId=str(uuid.uuid4()))
    schema = schema_dataset.SchemaDatasetFacet(
        fields=[
            schema_dataset.SchemaDatasetFacetFields(name="day", type="date"),
            schema_dataset.SchemaDatasetFacetFields(name="total", type="numeric"),
        ]
    )
    for state, time in ((RunState.START, "10:00:00"), (RunState.COMPLETE, "10:10:00")):
        client.emit(
            RunEvent(
                eventType=state,
                eventTime=f"2026-03-01T{time}.000000+00:00",
                run=run,
                job=Job(namespace=namespace, name="nightly.load"),
                producer="https://example.com/nightly",
                inputs=[InputDataset(namespace=namespace, name="warehouse.orders")],
                outputs=[
                    OutputDataset(
                        namespace=namespace, name="warehouse.orders_daily", facets={"schema": schema}
                    )
                ],
            )
        )
    client.close()
    print(run.runId)


main()
