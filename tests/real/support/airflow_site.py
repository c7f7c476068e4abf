"""airflow_site - a whole Airflow of its own: metadata in a PostgreSQL database of the test, a real scheduler
with the LocalExecutor, and for Airflow 3 its API server and DAG processor. Ended by their pids.

    with AirflowSite("airflow_2", warehouse, pipe, transport, spark_transport) as site:
        site.trigger("first")
        site.wait_run("first")
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import checks
import tools
from own_pipeline import database_dsn, free_port, query, wait_until

DAG = "shop_daily"
TASKS = ("load", "convert", "report")
TASK_STATES = "select task_id, state from task_instance where run_id = %s"


class AirflowSite:
    def __init__(self, version, warehouse, pipe, transport, spark_transport, extra=None):
        self.version = version
        self.python = tools.environment_python(version)
        self.folder = pipe.folder / "airflow"
        self.database = f"{pipe.database}_airflow"
        self.dsn = database_dsn(self.database)
        self.processes = []
        self.port = free_port()
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("METAOPS_", "OPENLINEAGE"))},
            **self._settings(transport),
            **self._shop(warehouse, spark_transport),
            "SHOP_DBT_TRANSPORT": json.dumps(transport),
            **(extra(pipe.folder) if extra else {}),
        }

    def _settings(self, transport):
        core = f"postgresql+psycopg2://{self.dsn.split('://', 1)[1]}"
        return {
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.folder / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
            if self.version == "airflow_3"
            else "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{self.port}/execution/",
            # The default of 5 s is short for a first call on a busy machine.
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{self.port}",
            "AIRFLOW__API_AUTH__JWT_SECRET": "only-for-this-test-only-for-this-test-only-for-this-test-0123456789",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": core,
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
            "AIRFLOW__SCHEDULER__PARSING_PROCESSES": "1",
            "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
            "AIRFLOW__OPENLINEAGE__NAMESPACE": "shop-airflow",
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
            "PYTHONWARNINGS": "ignore",
            "PYTHONUNBUFFERED": "1",
        }

    def _shop(self, warehouse, spark_transport):
        spark = tools.environment_python("spark").parent
        return {
            "AIRFLOW_CONN_WAREHOUSE": warehouse.dsn,
            "JAVA_HOME": tools.java_home(),
            "PYSPARK_PYTHON": str(spark / "python"),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SHOP_SPARK_SUBMIT": str(spark / "spark-submit"),
            "SHOP_SPARK_JARS": ",".join(tools.spark_jars()),
            "SHOP_SPARK_TRANSPORT": " ".join(
                f"--conf spark.openlineage.transport.{key}={value}" for key, value in spark_transport.items()
            ),
            "SHOP_DBT_BIN": str(tools.environment_python("dbt").parent),
            "SHOP_FOLDER": str(self.folder),
            "SHOP_JDBC_URL": f"jdbc:postgresql://127.0.0.1:{warehouse.port}/{warehouse.database}",
            "SHOP_USER": warehouse.user,
            "SHOP_PASSWORD": warehouse.password,
            "SHOP_DATABASE": warehouse.database,
            "SHOP_PORT": str(warehouse.port),
            "PATH": f"{self.python.parent}:{os.environ['PATH']}",
        }

    def __enter__(self):
        (self.folder / "dags").mkdir(parents=True)
        shutil.copytree(tools.SUPPORT / "shop", self.folder / "shop")
        shutil.copy(tools.SUPPORT / "shop/shop_daily.py", self.folder / "dags")
        query(os.environ["METAOPS_DSN"], f"create database {self.database}")
        self.command("db", "migrate")
        if self.version == "airflow_3":
            self.start("api-server", "--workers", "1")
            self.start("dag-processor")
        self.start("scheduler")
        if self.version == "airflow_3":
            wait_until("the API server listens", self._listens, 90)
        wait_until("the DAG is known", self._dag_is_known, 120)
        return self

    def __exit__(self, kind, error, trace):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if kind or checks.failures:
            self.show_logs()
        query(os.environ["METAOPS_DSN"], f"drop database if exists {self.database} with (force)")

    def command(self, *words):
        done = subprocess.run(
            [self.python.parent / "airflow", *words], env=self.environment, capture_output=True, text=True, timeout=180
        )
        if done.returncode:
            raise AssertionError(f"airflow {' '.join(words)}: {(done.stdout + done.stderr)[-2000:]}")
        return done.stdout

    def start(self, *words):
        log = open(self.folder / f"{words[0]}.log", "ab")
        process = subprocess.Popen(
            [self.python.parent / "airflow", *words],
            env=self.environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.processes.append(process)

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _dag_is_known(self):
        return query(self.dsn, "select 1 from serialized_dag where dag_id = %s", DAG)

    def trigger(self, run_id):
        self.command("dags", "trigger", DAG, "--run-id", run_id)

    def task_states(self, run_id):
        return dict(query(self.dsn, TASK_STATES, run_id))

    def wait_task(self, run_id, task, states=("success",), timeout_s=300.0):
        def has_state():
            state = self.task_states(run_id).get(task)
            if state in ("failed", "upstream_failed") and state not in states:
                raise AssertionError(f"task {task} of {run_id}: {state}")
            return state in states

        wait_until(f"{task} of {run_id} is {states}", has_state, timeout_s)

    def wait_run(self, run_id, timeout_s=400.0):
        """Until the DAG run has ended; its state."""

        def state():
            found = query(self.dsn, "select state from dag_run where run_id = %s", run_id)
            return found and found[0][0] in ("success", "failed") and found[0][0]

        return wait_until(f"the end of run {run_id}", state, timeout_s)

    def seconds(self, run_id):
        """{task: seconds that it took}"""
        rows = query(self.dsn, "select task_id, duration from task_instance where run_id = %s", run_id)
        return {task: round(seconds or 0, 1) for task, seconds in rows}

    def show_logs(self):
        for log in [*self.folder.glob("*.log"), *sorted(pathlib.Path(self.folder, "logs").rglob("attempt=*.log"))]:
            print(f"--- {log.relative_to(self.folder)}\n{log.read_bytes()[-6000:].decode(errors='replace')}")
