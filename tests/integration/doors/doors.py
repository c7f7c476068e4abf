"""doors - gateway and worker as a service manager, an operator and their clients meet them.

Certificates are made here by openssl. Gateway and worker are processes of the test on free ports, at the
Kafka and PostgreSQL of the stack; the worker has a consumer group of its own and writes nowhere.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid

import checks
from authority import Authority
from ports import free_port

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = os.environ.get("METAOPS_PROGRAM") or str(ROOT / "build/metaops")
TOKEN = "a-token-of-the-test-0123456789"
WAIT_S = 120


class Role:
    """A role under a manager. settings are those of its file; config() writes them anew."""

    def __init__(self, name, folder, settings, watchdog_us=None):
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(folder / f"{name}-{uuid.uuid4().hex[:8]}.sock"))
        self.manager.settimeout(WAIT_S)
        self.file = folder / f"{name}.conf"
        self.log = folder / f"{name}.log"
        self.config(settings)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("METAOPS_")}
        environment |= {"METAOPS_CONFIG": str(self.file), "NOTIFY_SOCKET": self.manager.getsockname()}
        if watchdog_us:
            environment["WATCHDOG_USEC"] = str(watchdog_us)
        self.process = subprocess.Popen([PROGRAM, name], env=environment, stderr=open(self.log, "wb"))

    def config(self, settings):
        self.file.write_text("".join(f'{key} = "{value}"\n' for key, value in settings.items()))

    def hears(self, text):
        """Waits for a message that begins so; false when it does not come."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            try:
                if self.manager.recv(4096).decode().startswith(text):
                    return True
            except TimeoutError:
                break
        return False

    def logged(self, text):
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            if text in self.log.read_text():
                return True
            time.sleep(0.05)
        return False

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_S)


def request(url, body=None, context=None, token=None):
    """(status, text)"""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    call = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.urlopen(call, timeout=WAIT_S, context=context) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def served_serial(port, context):
    with context.wrap_socket(socket.create_connection(("localhost", port), WAIT_S), server_hostname="localhost") as tls:
        return tls.getpeercert()["serialNumber"]


def event():
    return json.dumps({
        "eventType": "START", "eventTime": "2026-11-20T08:00:00Z", "run": {"runId": str(uuid.uuid4())},
        "job": {"namespace": "doors", "name": "load"}, "producer": "https://example.com/doors",
    }).encode()


def check_guards(folder):
    port, admin = free_port(), free_port()
    cases = [
        ("gateway, open and plain", "gateway", {"ingest.listen": f"0.0.0.0:{port}"}, "ingest.tls_certificate_file"),
        ("gateway, open and anonymous", "gateway",
         {"ingest.listen": f"0.0.0.0:{port}", "ingest.insecure": "plaintext", "ingest.auth": "none"},
         "ingest.auth = required"),
        ("gateway, open admin port", "gateway",
         {"ingest.listen": f"127.0.0.1:{port}", "ingest.admin_listen": f"0.0.0.0:{admin}"}, "admin.token_file"),
        ("worker, open admin port", "worker", {"worker.admin_listen": f"[::]:{port}"}, "admin.token_file"),
    ]
    for what, name, settings, wanted in cases:
        role = Role(name, folder, settings)
        checks.check(f"{what}: does not start", 3, role.process.wait(WAIT_S))
        checks.check(f"{what}: says what to set", True, role.logged(wanted))


def gateway_settings(folder, port, admin):
    return {
        "kafka.brokers": os.environ["METAOPS_KAFKA"],
        "ingest.listen": f"127.0.0.1:{port}", "ingest.admin_listen": f"127.0.0.1:{admin}",
        "ingest.tls_certificate_file": folder / "server.pem", "ingest.tls_key_file": folder / "server.key",
        "ingest.tls_client_ca_file": folder / "ca.pem",
        "admin.tls_certificate_file": folder / "server.pem", "admin.tls_key_file": folder / "server.key",
        "admin.token_file": folder / "token",
    }


def check_gateway(folder, authority):
    port, admin = free_port(), free_port()
    settings = gateway_settings(folder, port, admin)
    url = f"https://localhost:{port}/api/v1/lineage"
    metrics = f"https://localhost:{admin}/metrics"
    authority.issue("server", "DNS:localhost")
    authority.issue("airflow", "URI:spiffe://shop/airflow")
    context = authority.context()
    role = Role("gateway", folder, settings, watchdog_us=3000000)
    checks.check("gateway: READY", True, role.hears("READY=1\nSTATUS="))
    checks.check("gateway: a status", True, role.hears("STATUS=taking events"))
    checks.check("gateway: signs of life", True, role.hears("WATCHDOG=1"))
    environment = pathlib.Path(f"/proc/{role.process.pid}/environ")
    checks.check("gateway: was given the socket", True, b"NOTIFY_SOCKET" in environment.read_bytes())

    checks.check("an event over TLS", 201, request(url, event(), context)[0])
    checks.check("an event of a known client", 201, request(url, event(), authority.context("airflow"))[0])
    checks.check("plain HTTP to the TLS port", 400, request(url.replace("https", "http"), event())[0])
    checks.check("metrics without the token", 401, request(metrics, context=context)[0])
    status, text = request(metrics, context=context, token=TOKEN)
    checks.check("metrics with it", 200, status)
    checks.check("the plain request is counted", True,
                 'metaops_gateway_tls_handshakes_total{result="plain_http"} 1\n' in text)
    checks.check("readyz without it", (200, "ready\n"), request(metrics.replace("metrics", "readyz"), context=context))

    before = served_serial(port, context)
    authority.issue("server", "DNS:localhost")
    end = time.monotonic() + WAIT_S
    while served_serial(port, context) == before and time.monotonic() < end:
        time.sleep(0.2)
    checks.check("a new certificate, without a signal", True, served_serial(port, context) != before)

    (folder / "server.pem").write_text("no certificate")
    checks.check("a broken one is named", True, role.logged("changed file is of no use, the old stays"))
    checks.check("and the old one goes on", 201, request(url, event(), context)[0])

    (folder / "token").write_text(TOKEN[::-1])
    authority.issue("server", "DNS:localhost")
    role.config(settings | {"log.level": "debug", "ingest.threads": "2"})
    role.process.send_signal(signal.SIGHUP)
    checks.check("gateway: RELOADING", True, role.hears("RELOADING=1\nMONOTONIC_USEC="))
    checks.check("gateway: READY again", True, role.hears("READY=1\n"))
    checks.check("the token is the new one", (401, 200),
                 (request(metrics, context=context, token=TOKEN)[0],
                  request(metrics, context=context, token=TOKEN[::-1])[0]))
    checks.check("what needs a restart is named", True, role.logged("key=ingest.threads"))
    role.config(settings | {"log.level": "loud"})
    role.process.send_signal(signal.SIGHUP)
    checks.check("a wrong file changes nothing", True, role.logged("settings cannot be read again, nothing changes"))
    checks.check("events still come in", 201, request(url, event(), context)[0])
    role.process.send_signal(signal.SIGTERM)
    checks.check("gateway: STOPPING", True, role.hears("STOPPING=1"))
    checks.check("gateway: ends in order", 0, role.process.wait(WAIT_S))


def check_worker(folder):
    (folder / "token").write_text(TOKEN)
    port = free_port()
    settings = {
        "kafka.brokers": os.environ["METAOPS_KAFKA"], "worker.sink": "null", "worker.instance_id": "",
        "worker.group": f"doors-{uuid.uuid4().hex[:8]}", "worker.admin_listen": f"127.0.0.1:{port}",
        "admin.token_file": folder / "token",
    }
    role = Role("worker", folder, settings, watchdog_us=3000000)
    checks.check("worker: READY", True, role.hears("READY=1"))
    checks.check("worker: stores", True, role.hears("STATUS=storing events"))
    checks.check("worker: signs of life", True, role.hears("WATCHDOG=1"))
    checks.check("worker: metrics without the token", 401, request(f"http://127.0.0.1:{port}/metrics")[0])
    role.config(settings | {"log.level": "warn", "worker.lanes": "2"})
    role.process.send_signal(signal.SIGHUP)
    checks.check("worker: RELOADING", True, role.hears("RELOADING=1\nMONOTONIC_USEC="))
    checks.check("worker: what needs a restart is named", True, role.logged("key=worker.lanes"))
    checks.check("worker: ends in order", 0, role.stop())


def main():
    with tempfile.TemporaryDirectory(prefix="metaops-doors-") as name:
        folder = pathlib.Path(name)
        (folder / "token").write_text(TOKEN + "\n")
        check_guards(folder)
        check_gateway(folder, Authority(folder))
        check_worker(folder)
    checks.end()


main()
