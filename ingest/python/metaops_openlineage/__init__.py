"""metaops_openlineage - an OpenLineage transport that hands events to libmetaops_emit.

    AIRFLOW__OPENLINEAGE__TRANSPORT='{"type": "metaops_openlineage.MetaOpsTransport", "url": "http://metaops:5000"}'
    OPENLINEAGE__TRANSPORT__TYPE=metaops_openlineage.MetaOpsTransport OPENLINEAGE_URL=http://metaops:5000 dbt-ol run
"""

from metaops_openlineage.transport import MetaOpsConfig, MetaOpsTransport

__all__ = ["MetaOpsConfig", "MetaOpsTransport"]
__version__ = "0.1.0"
