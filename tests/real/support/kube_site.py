"""kube_site - a kube-apiserver with an etcd and nothing else of a cluster: objects are kept, watched and audited, nobody runs them. Users
come with tokens; who may do what is said by RBAC.

    with KubeSite(folder, policy_file, Webhook(url, ca_file, key), USERS) as site:
        site.call("jane@example.org", "POST", "/api/v1/namespaces", {"metadata": {"name": "fraud"}})
"""

import base64
import csv
import json
import secrets
import urllib.error
import urllib.request

import checks
import tools
from authority import Authority
from own_pipeline import LIMIT_S, wait_until
from ports import free_port
from tool_process import ToolProcess

START_S = 300.0
PATCH = {"PATCH": "application/merge-patch+json"}


def base64_text(text):
    return base64.b64encode(text.encode()).decode()


class Etcd:
    def __init__(self, program, folder):
        self.url, peers = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        words = [
            *(program, "--data-dir", folder / "etcd-data"),
            *("--listen-client-urls", self.url, "--advertise-client-urls", self.url),
            *("--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", f"default={peers}"),
        ]
        self.process = ToolProcess("etcd", words, folder)

    def call(self, path, **fields):
        request = urllib.request.Request(f"{self.url}/v3/{path}", json.dumps(fields).encode())
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
            return json.load(answer)

    def remove(self, key):
        """Behind the API server's back: how many there were."""
        return int(self.call("kv/deleterange", key=base64_text(key)).get("deleted", 0))

    def forget(self):
        """Nothing but the latest of each key is kept, and one more is written: no watch from before can go on."""
        revision = self.call("kv/put", key=base64_text("/forgotten"), value="")["header"]["revision"]
        self.call("kv/compaction", revision=revision, physical=True)

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=LIMIT_S) as answer:
                return json.load(answer)["health"] == "true"
        except OSError:
            return False


class Webhook:
    """To where audit events are sent: https, with a token."""

    def __init__(self, url, ca_file, token):
        self.token = token
        self.config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "audit",
            "clusters": [{"name": "metaops", "cluster": {"server": url, "certificate-authority": str(ca_file)}}],
            "users": [{"name": "cluster", "user": {"token": token}}],
            "contexts": [{"name": "audit", "context": {"cluster": "metaops", "user": "cluster"}}],
        }


class KubeSite:
    def __init__(self, folder, policy, webhook, users):
        """users: (name, groups) each."""
        programs = tools.kubernetes_folder()
        self.folder = folder / "kubernetes"
        self.folder.mkdir()
        self.tokens = {name: secrets.token_hex(16) for name, _ in users}
        self.authority = Authority(self.folder)
        self._write_files(webhook, users)
        self.etcd = Etcd(programs / "etcd", self.folder)
        port = free_port()
        self.url = f"https://127.0.0.1:{port}"
        self.ca_file = self.folder / "ca.pem"
        words = [programs / "kube-apiserver", *self._options(policy, port)]
        self.process = ToolProcess("kube-apiserver", words, self.folder)

    def _write_files(self, webhook, users):
        self.authority.issue("server", "IP:127.0.0.1")
        self.authority.issue("accounts", "IP:127.0.0.1")
        with open(self.folder / "tokens.csv", "w", newline="") as file:
            rows = [(self.tokens[name], name, f"uid-{name}", ",".join(groups)) for name, groups in users]
            csv.writer(file, lineterminator="\n").writerows(rows)
        for name, _ in users:
            self.token_file(name).write_text(self.tokens[name])
        (self.folder / "webhook.yaml").write_text(json.dumps(webhook.config))

    def _options(self, policy, port):
        """etcd 3.4 cannot tell how far a watch has come, which the watch cache asks. Nothing is forgotten but by forget()."""
        options = {
            "etcd-servers": self.etcd.url, "etcd-compaction-interval": "0", "watch-cache": "false",
            "bind-address": "127.0.0.1", "secure-port": port, "endpoint-reconciler-type": "none",
            "tls-cert-file": "server.pem", "tls-private-key-file": "server.key", "token-auth-file": "tokens.csv",
            "service-account-issuer": "https://kubernetes.default.svc", "service-account-key-file": "accounts.pem",
            "service-account-signing-key-file": "accounts.key", "service-cluster-ip-range": "10.0.0.0/24",
            "authorization-mode": "RBAC", "audit-policy-file": policy, "audit-webhook-config-file": "webhook.yaml",
            "audit-webhook-batch-max-wait": "200ms",
        }
        return [f"--{name}={value}" for name, value in options.items()]

    def token_file(self, user):
        return self.folder / f"{user}.token"

    def __enter__(self):
        self.etcd.process.start()
        try:
            wait_until("etcd answers", self.etcd.is_ready, START_S)
            self.start()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, kind, error, trace):
        for process in (self.process, self.etcd.process):
            if process.process:
                # An orderly end waits for those who watch.
                process.kill()
            if kind or checks.failures:
                process.show_log()

    def start(self):
        self.process.start()
        wait_until("kube-apiserver is ready", self._is_ready, START_S)

    def _is_ready(self):
        if not self.process.runs():
            raise AssertionError(f"kube-apiserver has ended: {self.process.log.read_text()[-2000:]}")
        try:
            return self.ask(next(iter(self.tokens)), "GET", "/readyz")[0] == 200
        except OSError:
            return False

    def ask(self, user, method, path, body=None):
        """-> status, bytes"""
        request = urllib.request.Request(self.url + path, json.dumps(body).encode() if body is not None else None, method=method, headers={
            "Authorization": f"Bearer {self.tokens[user]}", "Content-Type": PATCH.get(method, "application/json")})
        try:
            with urllib.request.urlopen(request, timeout=LIMIT_S, context=self.authority.context()) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()

    def call(self, user, method, path, body=None):
        """-> status, decoded answer"""
        status, answer = self.ask(user, method, path, body)
        return status, json.loads(answer)
