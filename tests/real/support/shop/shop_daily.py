"""shop_daily - a warehouse filled by three tools: Airflow loads a table by SQL, Spark converts its
amounts, dbt sums them. Each tool is told by which run it was started, as its own documentation says.

The paths of Spark and dbt, and where their events go, are in the environment: see ../airflow.py.
"""

from datetime import datetime

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

try:
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG
    from airflow.operators.bash import BashOperator

MACRO = "macros.OpenLineageProviderPlugin"

SPARK = " ".join(
    [
        "$SHOP_SPARK_SUBMIT --master 'local[1]' --driver-memory 512m --jars $SHOP_SPARK_JARS",
        "--driver-java-options '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData'",
        "--conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=1",
        "--conf spark.sql.warehouse.dir=$SHOP_FOLDER/spark-warehouse",
        "--conf spark.extraListeners=io.openlineage.spark.agent.OpenLineageSparkListener",
        "--conf spark.openlineage.namespace=shop-spark $SHOP_SPARK_TRANSPORT",
        f"--conf spark.openlineage.parentJobNamespace={{{{ {MACRO}.lineage_job_namespace() }}}}",
        f"--conf spark.openlineage.parentJobName={{{{ {MACRO}.lineage_job_name(task_instance) }}}}",
        f"--conf spark.openlineage.parentRunId={{{{ {MACRO}.lineage_run_id(task_instance) }}}}",
        f"--conf spark.openlineage.rootParentJobNamespace={{{{ {MACRO}.lineage_root_job_namespace(task_instance) }}}}",
        f"--conf spark.openlineage.rootParentJobName={{{{ {MACRO}.lineage_root_job_name(task_instance) }}}}",
        f"--conf spark.openlineage.rootParentRunId={{{{ {MACRO}.lineage_root_run_id(task_instance) }}}}",
        "$SHOP_FOLDER/shop/paid_orders.py",
    ]
)

DBT = " ".join(
    [
        f"OPENLINEAGE_PARENT_ID='{{{{ {MACRO}.lineage_parent_id(task_instance) }}}}'",
        f"OPENLINEAGE_ROOT_PARENT_ID='{{{{ {MACRO}.lineage_root_parent_id(task_instance) }}}}'",
        'OPENLINEAGE_NAMESPACE=shop-dbt OPENLINEAGE__TRANSPORT="$SHOP_DBT_TRANSPORT" PATH="$SHOP_DBT_BIN:$PATH"',
        "dbt-ol run --threads 1 --project-dir $SHOP_FOLDER/shop/dbt --profiles-dir $SHOP_FOLDER/shop/dbt",
    ]
)

with DAG(
    "shop_daily",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 0, "owner": "shop"},
):
    load = SQLExecuteQueryOperator(
        task_id="load",
        conn_id="warehouse",
        sql="insert into staging.orders (order_id, customer, amount_cents) "
        "select order_id, customer, amount_cents from raw.orders where state = 'paid'",
        split_statements=False,
    )
    convert = BashOperator(task_id="convert", bash_command=SPARK, append_env=True)
    report = BashOperator(task_id="report", bash_command=DBT, append_env=True)
    load >> convert >> report
