"""scenario - what shop_daily must leave in the graph, written by hand from the DAG, the Spark job and the dbt
models in shop/, and the world that it runs in."""

import contextlib
import json
import time

from airflow_site import AirflowSite
from own_pipeline import Pipeline
from warehouse import Warehouse

# Jobs of one DAG run as a tree: depth, namespace, job. Airflow's tasks are children of the DAG run. Spark's
# application is the child of the task that submitted it; it saves one table, and looks at the rows that it
# reads to find their types (the second job). dbt tells the run of a model by database.schema.project.model;
# its own run stands in the namespace of its parent.
RUN_TREE = """\
0 shop-airflow shop_daily
1 shop-airflow shop_daily.load
1 shop-airflow shop_daily.convert
2 shop-spark paid_orders
3 shop-spark paid_orders.deserialize_to_object
3 shop-spark paid_orders.execute_save_into_data_source_command.mart_paid_orders
1 shop-airflow shop_daily.report
2 shop-airflow dbt-run-shop
3 shop-dbt DATABASE.report.shop.best_customer
3 shop-dbt DATABASE.report.shop.customer_totals"""

# From the last dbt model's column to the raw one: max(total), sum(amount), amount_cents / 100, the insert.
COLUMN_WAY = """\
1 DATABASE.report.customer_totals total by shop-dbt DATABASE.report.shop.best_customer
2 DATABASE.mart.paid_orders amount by shop-dbt DATABASE.report.shop.customer_totals
3 DATABASE.staging.orders amount_cents by shop-spark paid_orders.execute_save_into_data_source_command.mart_paid_orders
4 DATABASE.raw.orders amount_cents by shop-airflow shop_daily.load"""

# Every run says START and COMPLETE; the application's second job is an RDD job, which Spark reports while
# it runs, too.
EVENTS_OF_A_RUN = {("START", 1), ("COMPLETE", 1)}
EVENTS_OF_THE_RDD_JOB = {("START", 1), ("RUNNING", 2), ("COMPLETE", 1)}

# paid: 1250 + 250 cents of ada, 900 of cem
BEST_TOTAL = 15.0

TREE_QUERY = """
with recursive tree as (
    select 0 as depth, r.run_id, r.job_namespace, r.job_name, r.state,
           array[to_char(r.started_at, 'YYYYMMDDHH24MISSUS')] as way
    from metaops.runs r where r.run_id = %s
    union all
    select t.depth + 1, r.run_id, r.job_namespace, r.job_name, r.state,
           t.way || (case when t.depth = 0 then to_char(r.started_at, 'YYYYMMDDHH24MISSUS') else r.job_name end)
    from tree t join metaops.runs r on r.parent_run_id = t.run_id
)
select depth, job_namespace, job_name, state from tree order by way"""

EVENTS_QUERY = """
select e.job_name, e.event_type, count(*)
from metaops.events e join metaops.runs r on r.run_id = e.run_id
where %s in (r.run_id, r.root_run_id) group by 1, 2"""

WAY_QUERY = """
select depth, name, field, via_job_namespace, via_job_name
from metaops.column_upstream(%s, %s, 'best_total') order by depth"""


class World:
    """Our pipeline, the shop's database and an Airflow."""

    def __init__(self, pipe, warehouse, gateway, site):
        self.pipe, self.warehouse, self.gateway, self.site = pipe, warehouse, gateway, site

    def dag_run(self, run_id):
        """Our id of Airflow's run: the run of the DAG's job whose facet says so."""
        rows = self.pipe.query(
            "select distinct e.run_id, metaops.event_body(e.event_id) from metaops.events e"
            " where e.job_name = 'shop_daily'"
        )
        for number, body in rows:
            facets = json.loads(body)["run"]["facets"]
            if any(f.get("dagRun", {}).get("run_id") == run_id for f in facets.values() if isinstance(f, dict)):
                return number
        return None

    def run_tree(self, dag_run):
        return self.pipe.query(TREE_QUERY, dag_run)

    def events(self, dag_run):
        return {(job, kind): number for job, kind, number in self.pipe.query(EVENTS_QUERY, dag_run)}

    def column_way(self):
        name = f"{self.warehouse.database}.report.best_customer"
        rows = self.pipe.query(WAY_QUERY, self.warehouse.namespace, name)
        return "\n".join(f"{d} {n} {f} by {jn} {j}" for d, n, f, jn, j in rows)

    def expected(self, text):
        return text.replace("DATABASE", self.warehouse.database)

    def expected_events(self):
        events = {}
        for line in self.expected(RUN_TREE).split("\n"):
            job = line.split(" ")[2]
            kinds = EVENTS_OF_THE_RDD_JOB if job.endswith("deserialize_to_object") else EVENTS_OF_A_RUN
            events.update({(job, kind): number for kind, number in kinds})
        return events

    def wait_events(self, run_id, timeout_s):
        """The run's events as soon as all are there; what is there when time is up."""
        expected = self.expected_events()
        end = time.monotonic() + timeout_s
        while True:
            dag_run = self.dag_run(run_id)
            events = self.events(dag_run) if dag_run else {}
            if events == expected or time.monotonic() > end:
                return events
            time.sleep(0.5)


@contextlib.contextmanager
def world(version, transport, spark_by="http", **site_options):
    """transport: a function of the gateway's URL. spark_by: http, or kafka for plain JSON on a topic."""
    with Pipeline("real", partitions=3) as pipe, Warehouse(pipe.name) as warehouse:
        topic = f"{pipe.name}.openlineage"
        settings = {}
        if spark_by == "kafka":
            pipe.make_topic(topic)
            settings["METAOPS_INGEST_OPENLINEAGE_TOPICS"] = topic
        pipe.worker(**settings)
        gateway = pipe.gateway()
        pipe.wait_ready()
        spark = {"type": "http", "url": gateway.url}
        if spark_by == "kafka":
            spark = {
                "type": "kafka",
                "topicName": topic,
                "properties.bootstrap.servers": pipe.environment["METAOPS_KAFKA_BROKERS"],
                "properties.key.serializer": "org.apache.kafka.common.serialization.StringSerializer",
                "properties.value.serializer": "org.apache.kafka.common.serialization.StringSerializer",
            }
        with AirflowSite(version, warehouse, pipe, transport(gateway.url), spark, **site_options) as site:
            yield World(pipe, warehouse, gateway, site)
