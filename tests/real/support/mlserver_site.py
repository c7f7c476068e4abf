"""mlserver_site - a whole MLServer with models that are trained for it, over HTTP and, where topics are given, over Kafka.

    with MlserverSite(folder, {"iris": ("1", "2")}, topics=("in", "out")) as site:
        site.ask("iris", "request-1", [[5.1, 3.5, 1.4, 0.2]])
"""

import json
import os
import subprocess
import urllib.error
import urllib.request

import checks
import tools
from own_pipeline import LIMIT_S, post, wait_until
from ports import free_port
from tool_process import ToolProcess

SERVER = "iris-server"
# A first start reads all of scikit-learn and pandas from a cold disk.
START_S = 300.0


def flowers_input(rows, datatype="FP64"):
    """The body of a request, without an id."""
    data = [number for row in rows for number in row]
    return {"inputs": [{"name": "predict", "shape": [len(rows), len(rows[0])], "datatype": datatype, "data": data}]}


class MlserverSite:
    def __init__(self, folder, models, topics=None, name=SERVER, runtime="mlserver", train="train_flowers.py"):
        """models: what the program train is told; of train_flowers name -> versions. topics: of requests and of answers.
        runtime: the list in requirements/ with its packages."""
        self.python = tools.environment_python(runtime)
        self.folder = folder / name
        self.models = models
        self.train = tools.SUPPORT / train
        ports = {which: free_port() for which in ("http_port", "grpc_port", "metrics_port")}
        self.url = f"http://127.0.0.1:{ports['http_port']}"
        self.settings = {
            "debug": False,
            "host": "127.0.0.1",
            "parallel_workers": 0,
            "server_name": name,
            **ports,
            **(self._kafka(*topics) if topics else {}),
        }
        self.process = ToolProcess(name, [self.python.parent / "mlserver", "start", "."], self.folder)

    @staticmethod
    def _kafka(topic_of_requests, topic_of_answers):
        return {
            "kafka_enabled": True,
            "kafka_servers": os.environ["METAOPS_KAFKA"],
            "kafka_topic_input": topic_of_requests,
            "kafka_topic_output": topic_of_answers,
        }

    def __enter__(self):
        self.folder.mkdir()
        (self.folder / "settings.json").write_text(json.dumps(self.settings))
        self._train()
        self.start()
        return self

    def __exit__(self, kind, error, trace):
        self.process.stop()
        if kind or checks.failures:
            self.process.show_log()

    def _train(self):
        words = [self.python, self.train, self.folder, json.dumps(self.models)]
        with open(self.process.log, "ab") as log:
            done = subprocess.run(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, timeout=START_S)
        if done.returncode:
            raise AssertionError(f"{self.train} fails: {self.process.log.read_text()[-2000:]}")

    def start(self):
        self.process.start()
        wait_until("MLServer and its models are ready", self._is_ready, START_S)

    def _is_ready(self):
        if not self.process.runs():
            raise AssertionError(f"MLServer has ended: {self.process.log.read_text()[-2000:]}")
        try:
            return self.call("GET", "/v2/health/ready")[0] == 200
        except OSError:
            return False

    def flowers(self):
        """Those that come with scikit-learn."""
        program = "import json, sklearn.datasets as d; print(json.dumps(d.load_iris().data.tolist()))"
        done = subprocess.run([self.python, "-c", program], stdout=subprocess.PIPE, check=True, timeout=START_S)
        return json.loads(done.stdout)

    def call(self, method, path, body=None):
        """-> status, headers in small letters, bytes"""
        head = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, body, head, method=method)
        try:
            with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
                return answer.status, {key.lower(): value for key, value in answer.headers.items()}, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, {}, refused.read()

    def pass_on(self, gateway, model, request_id, rows, **more):
        """Asks, and does what a proxy does with the answer, whose head has the attributes of CloudEvents already, but for more.
        The answer."""
        status, headers, body = self.ask(model, request_id, rows)
        attributes = {name: value for name, value in headers.items() if name.startswith(("ce-", "content-type"))}
        taken = post(f"{gateway.url}/api/v1/cloudevents", body, **attributes, **more)[0] if status == 200 else None
        checks.check(f"{request_id} is answered and passed on", (200, 200), (status, taken))
        return json.loads(body)

    def ask(self, model, request_id, rows):
        """As call."""
        body = json.dumps({"id": request_id, **flowers_input(rows)}).encode()
        return self.call("POST", f"/v2/models/{model}/infer", body)
