"""receiver - a real HTTP server on loopback that takes messages, fails, hangs or sends elsewhere, as the test wants."""

import http.server
import json
import threading
import time


class Message:
    def __init__(self, path, headers, body):
        self.at = time.time()
        self.path = path
        self.headers = headers
        self.body = body
        self.json = json.loads(body)
        self.key = headers.get("Idempotency-Key")


class Receiver:
    """answer(message, number of times its key came) -> status, or None: hang; messages: all that came, in order."""

    def __init__(self, answer=lambda message, times: 200, port=0):
        self.answer = answer
        self.messages = []
        self.connections = []  # addresses of who connected
        self.lock = threading.Lock()
        self.let_go = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                message = Message(self.path, self.headers, body)
                with outer.lock:
                    outer.messages.append(message)
                    times = sum(each.key == message.key for each in outer.messages)
                status = outer.answer(message, times)
                if status is None:
                    outer.let_go.wait(60)
                    self.close_connection = True
                    return
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def verify_request(self, _request, address):
                outer.connections.append(address)
                return True

            def handle_error(self, *_):
                """An alerter that is killed resets its connections."""

        self.server = Server(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def keys(self):
        with self.lock:
            return [message.key for message in self.messages]

    def count(self):
        with self.lock:
            return len(self.messages)

    def close(self):
        self.let_go.set()
        self.server.shutdown()
        self.server.server_close()
