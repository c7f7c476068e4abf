"""mlflow_site - a whole MLflow: its server with a registry in SQLite, asked over its REST API.

    with MlflowSite(folder) as site:
        site.webhook("metaops", f"{gateway.url}/api/v1/mlflow/webhooks", "a secret")
        site.post("registered-models/create", name="churn")
"""

import json
import subprocess
import urllib.error
import urllib.request

import checks
import tools
from own_pipeline import LIMIT_S, wait_until
from ports import free_port
from tool_process import ToolProcess

START_S = 300.0
# What MLflow tells of its registry, and prompts, which are none of its models.
EVENTS = (
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
    "prompt.created",
)
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GIT_PYTHON_REFRESH": "quiet"}
# MLflow sends to public addresses and by https only, unless it is told so.
TO_LOOPBACK = {"MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http", "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true"}


class MlflowSite:
    def __init__(self, folder):
        self.python = tools.environment_python("mlflow")
        self.folder = folder / "mlflow"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        words = [
            *(self.python.parent / "mlflow", "server", "--host", "127.0.0.1", "--port", port, "--workers", 1),
            *("--backend-store-uri", f"sqlite:///{self.folder}/registry.db"),
            *("--artifacts-destination", self.folder / "artifacts"),
        ]
        settings = {**QUIET, **TO_LOOPBACK, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        self.process = ToolProcess("mlflow", words, self.folder, settings)

    def __enter__(self):
        self.folder.mkdir()
        self.process.start()
        wait_until("MLflow answers", self._is_ready, START_S)
        return self

    def __exit__(self, kind, error, trace):
        self.process.stop()
        if kind or checks.failures:
            self.process.show_log()

    def _is_ready(self):
        if not self.process.runs():
            raise AssertionError(f"MLflow has ended: {self.process.log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=LIMIT_S) as answer:
                return answer.status == 200
        except OSError:
            return False

    def call(self, method, path, **fields):
        """The decoded answer."""
        request = urllib.request.Request(
            f"{self.url}/api/2.0/mlflow/{path}",
            json.dumps(fields).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{method} {path}: {refused.code} {refused.read().decode()}") from None

    def post(self, path, **fields):
        return self.call("POST", path, **fields)

    def webhook(self, name, url, secret):
        """Its id."""
        events = [dict(zip(("entity", "action"), event.upper().split("."))) for event in EVENTS]
        return self.post("webhooks", name=name, url=url, secret=secret, events=events)["webhook"]["webhook_id"]

    def run_program(self, path, *words):
        """A program in the Python of MLflow, as a user's: what it prints."""
        done = subprocess.run(
            [self.python, path, *words],
            env={**self.process.environment, "MLFLOW_TRACKING_URI": self.url},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=START_S,
        )
        if done.returncode:
            raise AssertionError(f"{path}: {(done.stdout + done.stderr)[-2000:]}")
        return done.stdout
