"""fake_kube - an API server of Kubernetes that answers by a script: for each resource what it says to one request after the
other. When a script is through, a list is as it was last and a watch says nothing more.

    server = FakeKube({"pods": [listed([pod], "10"), watched([line], cut=True), status(410)]})
"""

import collections
import http.server
import json
import ssl
import threading
import urllib.parse


def listed(objects, revision, following=None):
    """A page of a list; following: what to ask with for the next one."""
    metadata = {"resourceVersion": revision, **({"continue": following} if following else {})}
    return "list", json.dumps({"kind": "List", "metadata": metadata, "items": objects}).encode()


def page(body):
    """A list that says these bytes."""
    return "list", body


def watched(lines, cut=False, ends=False):
    """Lines of a watch, bytes; then it stays open, or ends, or is cut within a further line."""
    return "watch", b"".join(line + b"\n" for line in lines) + (b'{"type":"ADDED","obj' if cut else b""), cut or ends


def status(code, **headers):
    return "status", code, headers


def line(kind, thing):
    return json.dumps({"type": kind, "object": thing}).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        kube = self.server.kube
        address = urllib.parse.urlsplit(self.path)
        resource = address.path.rsplit("/", 1)[1]
        asked = dict(urllib.parse.parse_qsl(address.query))
        if kube.token and self.headers.get("Authorization") != f"Bearer {kube.token}":
            with kube.lock:
                kube.refused += 1
            return self.answer(401, b"{}")
        step = kube.next_step(resource, address.path, asked)
        if step[0] == "status":
            return self.answer(step[1], b"{}", step[2])
        if step[0] == "list":
            return self.answer(200, step[1])
        return self.stream(step)

    def answer(self, code, body, headers=()):
        self.send_response(code)
        for name, value in dict(headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, step):
        """Chunks that do not end where lines end."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for at in range(0, len(step[1]), 777):
            self.wfile.write(step[1][at : at + 777])
            self.wfile.flush()
        if not step[2]:
            self.server.kube.ended.wait()

    def log_message(self, *_):
        pass


class FakeKube:
    def __init__(self, scripts, token=None, certificate=None):
        """certificate: (file, key file) makes it https."""
        self.scripts = {name: collections.deque(steps) for name, steps in scripts.items()}
        self.last_list = {}
        self.asked = []  # (path, query) of each request with the right token
        self.refused = 0
        self.token = token
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.kube = self
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next_step(self, resource, path, asked):
        with self.lock:
            self.asked.append((path, asked))
            steps = self.scripts.get(resource)
            if steps is None:
                return status(404)
            if steps:
                step = steps.popleft()
                if step[0] == "list":
                    self.last_list[resource] = step
                return step
        return watched([]) if "watch" in asked else self.last_list[resource]

    def close(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
