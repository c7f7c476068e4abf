"""Settings that name files, and what stands there instead: nothing, a directory, a named pipe into which nobody writes, a
device, ten megabytes, a text of another kind. Each role and command ends soon and says which file it is about; a role
that runs goes on with what it has when its files become such. A link is followed; a secret that everybody may read is
warned of, and a private key is refused."""

import os
import pathlib
import subprocess
import sys

from authority import Authority
from checks import check, end
from own_pipeline import PROGRAM, Pipeline, free_port, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "alerts"))
from alerting import owner, prepare, raise_alert

ENDS_WITHIN_S = 120


def nothing(path):
    path.unlink(missing_ok=True)


def directory(path):
    nothing(path)
    path.mkdir()


def pipe_of_nobody(path):
    nothing(path)
    os.mkfifo(path)


def device(path):
    nothing(path)
    path.symlink_to("/dev/zero")


def ten_megabytes(path):
    nothing(path)
    path.write_bytes(b"x" * (10 << 20))


def another_text(path):
    nothing(path)
    path.write_bytes(b"\x00\xff no such thing\n" * 3)


WRONG = (nothing, directory, pipe_of_nobody, device, ten_megabytes, another_text)


def listening(pipe):
    return {**pipe.environment, "METAOPS_INGEST_LISTEN": f"127.0.0.1:{free_port()}",
            "METAOPS_INGEST_ADMIN_LISTEN": f"127.0.0.1:{free_port()}",
            "METAOPS_WORKER_ADMIN_LISTEN": f"127.0.0.1:{free_port()}",
            "METAOPS_ALERTS_ADMIN_LISTEN": f"127.0.0.1:{free_port()}"}


def ends(pipe, words, **settings):
    """The exit code and what was said; (None, ...) when it goes on for too long."""
    environment = {k: v for k, v in {**listening(pipe), **settings}.items() if v is not None}
    try:
        done = subprocess.run([PROGRAM, *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", timeout=ENDS_WITHIN_S)
        return done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired as late:
        return None, str(late.stderr)


def routes(folder, lines):
    """The path of a file of routes to a receiver that has these lines, too."""
    path = folder / "routes"
    path.write_text(f"receiver.hook.type = webhook\n{lines}\nroute.all.receivers = hook\n")
    path.chmod(0o600)
    return str(path)


def receivers(folder):
    """Files of those who are told of alerts."""
    def use(line):
        return ["alerter"], lambda path: {"METAOPS_ALERTS_ROUTES_FILE": routes(folder, line.format(path))}

    url = "receiver.hook.url = https://example.com/\n"
    return {
        "the routes of alerts": (["alerter"], lambda path: {"METAOPS_ALERTS_ROUTES_FILE": path}),
        "the webhook's keys": (["alerter"], lambda path: {
            "METAOPS_ALERTS_WEBHOOK_URL": "http://127.0.0.1:1/", "METAOPS_ALERTS_WEBHOOK_KEY_FILE": path}),
        "a receiver's URL": use("receiver.hook.url_file = {}"),
        "a receiver's keys": use(url + "receiver.hook.key_file = {}"),
        "a receiver's authorities": use(url + "receiver.hook.ca_file = {}"),
    }


def uses(folder):
    """What is run -> words, and its settings with the file at that path."""
    certificate, key = str(folder / "server.pem"), str(folder / "server.key")
    return {
        "a worker's conninfo": (["worker"], lambda path: {
            "METAOPS_POSTGRES_CONNINFO": None, "METAOPS_POSTGRES_CONNINFO_FILE": path}),
        "a password of Kafka": (["worker"], lambda path: {
            "METAOPS_RDKAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "METAOPS_RDKAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "METAOPS_RDKAFKA_SASL_PASSWORD_FILE": path}),
        "the token of an admin port": (["gateway"], lambda path: {"METAOPS_ADMIN_TOKEN_FILE": path}),
        "a certificate": (["gateway"], lambda path: {
            "METAOPS_INGEST_TLS_CERTIFICATE_FILE": path, "METAOPS_INGEST_TLS_KEY_FILE": key}),
        "a private key": (["gateway"], lambda path: {
            "METAOPS_INGEST_TLS_CERTIFICATE_FILE": certificate, "METAOPS_INGEST_TLS_KEY_FILE": path}),
        "authorities of clients": (["gateway"], lambda path: {
            "METAOPS_INGEST_TLS_CERTIFICATE_FILE": certificate, "METAOPS_INGEST_TLS_KEY_FILE": key,
            "METAOPS_INGEST_TLS_CLIENT_CA_FILE": path}),
        "the key of the audit's heads": (["worker"], lambda path: {"METAOPS_AUDIT_KEY_FILE": path}),
        "an emitter's key": (["emit", "--to", "http://127.0.0.1:1", "-"], lambda path: {"METAOPS_EMIT_API_KEY_FILE": path}),
        "the settings": (["check"], lambda path: {"METAOPS_CONFIG": path}),
        "the registry's authorities": (["migrate", "--schemas"], lambda path: {
            "METAOPS_SCHEMA_REGISTRY_URL": "https://127.0.0.1:1", "METAOPS_SCHEMA_REGISTRY_CA_FILE": path}),
        **receivers(folder),
    }


# A missing certificate is one; a password, once it is a text, is the broker's to judge, and authorities are read when
# there is somebody to be judged by them.
TAKEN = {("a password of Kafka", another_text), ("an emitter's key", another_text),
         ("a receiver's authorities", another_text), ("the registry's authorities", another_text)}


def starts(pipe, folder):
    path = folder / "wrong"
    for what, (words, settings) in uses(folder).items():
        for wrong in WRONG:
            if (what, wrong) in TAKEN:
                continue
            wrong(path)
            code, said = ends(pipe, words, **settings(str(path)))
            name = wrong.__name__.replace("_", " ")
            check(f"{what}, {name}: ends and names the file", (True, True), (code not in (None, 0) and code > 0, str(path) in said))
            if code is None or str(path) not in said:
                print(said[-600:])
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
    nothing(path)


def who_may_read(pipe, folder):
    secret = folder / "conninfo"
    secret.write_text(pipe.dsn + "\n")
    link = folder / "link"
    link.symlink_to(secret)
    settings = {"METAOPS_POSTGRES_CONNINFO": None, "METAOPS_POSTGRES_CONNINFO_FILE": str(link)}
    for mode, is_warned in ((0o600, False), (0o640, False), (0o644, True)):
        secret.chmod(mode)
        code, said = ends(pipe, ["offsets", "list"], **settings)
        check(f"a conninfo behind a link, {mode:o}: read, and warned of if everybody may", (0, is_warned),
              (code, "everybody may read" in said))
    secret = folder / "receiver.secret"
    secret.write_text("https://example.com/a-long-enough-secret\n")
    for what, line in (("URL", f"receiver.hook.url_file = {secret}"),
                       ("keys", f"receiver.hook.url = https://example.com/\nreceiver.hook.key_file = {secret}")):
        for mode, is_warned in ((0o600, False), (0o640, False), (0o644, True)):
            secret.chmod(mode)
            _, said = ends(pipe, ["check"], METAOPS_ALERTS_ROUTES_FILE=routes(folder, line))
            check(f"a receiver's {what}, {mode:o}: warned of if everybody may read the file", is_warned,
                  "everybody may read" in said)
    key = folder / "audit.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    key.chmod(0o644)
    code, said = ends(pipe, ["worker"], METAOPS_AUDIT_KEY_FILE=str(key))
    check("a private key that everybody may read is refused", (True, True), (code not in (None, 0), "chmod 600" in said))
    environment = {name: value for name, value in pipe.environment.items() if name != "METAOPS_WORKER_GROUP"}
    done = subprocess.run(["bash", "-c", f"'{PROGRAM}' worker --print-config --config <(sleep 0.3; echo worker.group=of-a-pipe)"],
                          env=environment, capture_output=True, text=True, timeout=ENDS_WITHIN_S)
    check("settings may come out of a pipe that is written", True, "worker.group = of-a-pipe" in done.stdout)


def running(pipe, folder):
    """The gateway has good files; then each of them becomes a wrong one."""
    token = folder / "token"
    token.write_text("0123456789abcdef\n")
    gateway = pipe.gateway(METAOPS_INGEST_TLS_CERTIFICATE_FILE=str(folder / "server.pem"),
                           METAOPS_INGEST_TLS_KEY_FILE=str(folder / "server.key"), METAOPS_ADMIN_TOKEN_FILE=str(token))
    pipe.wait_ready()
    for path in (token, folder / "server.key"):
        for wrong in (pipe_of_nobody, nothing, ten_megabytes):
            before = gateway.words(1 << 20).count("is of no use, the old stays")
            wrong(path)
            wait_until(f"{path.name}, {wrong.__name__}: it says so",
                       lambda: gateway.words(1 << 20).count("is of no use, the old stays") > before)
            pipe.wait_ready(roles=[gateway])
            check(f"{path.name}, {wrong.__name__.replace('_', ' ')}: the gateway goes on", True, gateway.runs())
    check("and ends in good order", 0, gateway.stop())


def running_alerter(pipe, folder):
    """Its routes become a wrong file, and so does that of its authorities when somebody is to be told."""
    key, authorities = folder / "good.key", folder / "ca.pem"
    key.write_text("0123456789abcdef\n")
    key.chmod(0o600)
    good = f"receiver.hook.url = https://localhost:1/\nreceiver.hook.key_file = {key}\nreceiver.hook.ca_file = {authorities}"
    path = pathlib.Path(routes(folder, good))
    alerter = pipe.alerter(METAOPS_ALERTS_ROUTES_FILE=str(path), METAOPS_ALERTS_TRUSTED_HOSTS="localhost",
                           METAOPS_ALERTS_POLL_INTERVAL_MS="100", METAOPS_ALERTS_BACKOFF_MS="50")
    pipe.wait_ready(roles=[alerter])
    for wrong in (pipe_of_nobody, nothing, ten_megabytes, directory):
        before = alerter.words(1 << 20).count("is of no use, the old stays")
        wrong(path)
        wait_until(f"routes, {wrong.__name__}: it says so",
                   lambda: alerter.words(1 << 20).count("is of no use, the old stays") > before)
        pipe.wait_ready(roles=[alerter])
    path.rmdir()
    pipe_of_nobody(authorities)
    prepare(pipe)
    with owner(pipe) as connection:
        raise_alert(connection, 1)
    wait_until("authorities that are a pipe are named", lambda: pipe.query(
        "select 1 from metaops.alert_deliveries where last_error = %s", f"{authorities}: is not a regular file"))
    pipe.wait_ready(roles=[alerter])
    check("an alerter ends in good order", 0, alerter.stop())


def main():
    with Pipeline("files", 1) as pipe:
        folder = pathlib.Path(pipe.folder) / "files"
        folder.mkdir()
        Authority(folder).issue("server", "DNS:localhost")
        starts(pipe, folder)
        who_may_read(pipe, folder)
        running(pipe, folder)
        running_alerter(pipe, folder)
    end()


main()
