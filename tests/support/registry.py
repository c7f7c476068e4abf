"""registry - a real schema registry (Apicurio, in memory) behind a door that counts what passes, wants a
password and can be shut, as if the registry were away: its memory stays."""

import base64
import glob
import http.server
import json
import os
import subprocess
import threading
import urllib.error
import urllib.request

from own_pipeline import free_port, wait_until

USER, PASSWORD = "metaops", "s3cret%20word"  # a blank, as it stands in a URL
TYPE = "application/vnd.schemaregistry.v1+json"


class Door(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def pass_on(self):
        registry = self.server.registry
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not registry.is_open:
            self.close_connection = True
            return
        registry.requests.append(f"{self.command} {self.path}")
        wanted = base64.b64encode(f"{USER}:s3cret word".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {wanted}":
            self.answer(401, b'{"error_code": 401, "message": "who are you?"}')
            return
        self.answer(*registry.ask(self.command, self.path.removeprefix("/base"), body or None))

    do_GET = do_POST = do_PUT = pass_on

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Registry:
    def __init__(self, folder):
        self.port = free_port()
        self.is_open = True
        self.requests = []
        (jar,) = glob.glob(f"{os.environ['APICURIO']}/*-runner.jar")
        self.log = open(folder / "registry.log", "wb")
        self.process = subprocess.Popen(
            [os.environ["JAVA"], "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
             "-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={self.port}", "-jar", jar],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        self.door = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.door.registry = self
        threading.Thread(target=self.door.serve_forever, daemon=True).start()
        self.url = f"http://{USER}:{PASSWORD}@127.0.0.1:{self.door.server_port}/base"

    def wait(self):
        wait_until("the registry answers", self.answers, 600)

    def answers(self):
        try:
            return self.ask("GET", "/subjects")[0] == 200
        except OSError:
            return False

    def ask(self, method, path, body=None):
        """-> status, bytes; past the door"""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/apis/ccompat/v7{path}", body,
                                         {"Content-Type": TYPE}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()

    def json(self, method, path, body=None):
        status, answer = self.ask(method, path, None if body is None else json.dumps(body).encode())
        return status, json.loads(answer)

    def register(self, subject, schema):
        status, answer = self.json("POST", f"/subjects/{subject}/versions", {"schema": json.dumps(schema)})
        assert status == 200, answer
        return answer["id"]

    def stop(self):
        self.door.shutdown()
        self.door.server_close()
        self.process.kill()
        self.process.wait()
        self.log.close()
