"""fake_mlserver - a server on the loopback that gives the captured answers of MLServer, for tests of who asks one.

    with FakeServer() as server:
        server.replay("v2_repository_index.http")
        server.answers["GET", "/metrics"] = (200, b"...")
"""

import http.server
import threading

from own_pipeline import ROOT

DATA = ROOT / "tests/data/mlserver"


def captured(name):
    """(method, path), (status, body) of a captured question and its answer."""
    question, answer = (DATA / name).read_bytes().split(b"\n---\n", 1)
    method, path = question.split(b" ", 2)[:2]
    head, body = answer.split(b"\n\n", 1)
    return (method.decode(), path.decode()), (int(head.split()[1]), body.strip())


class FakeServer:
    def __init__(self):
        self.answers = {}

    def replay(self, *names):
        self.answers.update(captured(name) for name in names)

    def __enter__(self):
        answers = self.answers

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.rfile.read(int(self.headers.get("content-length") or 0))
                status, body = answers.get((self.command, self.path), (404, b"Not Found"))
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        # The kernel's choice, and this process's as long as it lives: nobody needs to know it before.
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
