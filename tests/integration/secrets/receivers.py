"""receivers - secrets of those who are told of alerts: in URLs, in files of URLs and of keys, in wrong lines of routes."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "alerts"))

from alerting import owner, prepare, raise_alert
from checks import check
from doors import DEBUG, command
from own_pipeline import free_port, wait_until
from receiver import Receiver

RECEIVERS = ["away", "chat", "inside", "keyless", "webhook_url"]


def with_secrets(planted, url, name):
    """The URL as those write it who have nowhere else for a password and a token."""
    return url.replace("http://", f"http://u:{planted.secret(f'{name}-password')}@") + f"?token={planted.secret(f'{name}-token')}"


def secret_file(folder, name, text):
    path = folder / name
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


def routes(planted, folder, hook):
    """Receivers that answer with failure, refuse connections, and lie behind an address that nobody may knock at."""
    s = planted.secret
    chat = secret_file(folder, "chat-url", f"{hook.url}/{s('slack-path')}")
    inside = secret_file(folder, "inside-url", f"https://u:{s('inside-password')}@127.0.0.1:{free_port()}/{s('inside-path')}")
    key = secret_file(folder, "receiver-key", s("receiver-key"))
    return secret_file(folder, "routes", f"""
receiver.chat.type = slack
receiver.chat.url_file = {chat}
receiver.away.type = webhook
receiver.away.url = {with_secrets(planted, f"http://localhost:{free_port()}/hook", "away")}
receiver.away.key_file = {key}
receiver.inside.type = cloudevents
receiver.inside.url_file = {inside}
receiver.keyless.type = alertmanager
receiver.keyless.url = {with_secrets(planted, hook.url, "alertmanager")}
route.all.receivers = chat, away, inside, keyless
""")


def settings_file(planted, folder):
    """The server that fails whoever asks it, and the settings."""
    hook = Receiver(lambda message, times: 500)
    config = secret_file(folder, "alerter.conf", f"""
alerts.webhook_url = "{with_secrets(planted, hook.url, 'webhook')}"
alerts.webhook_key_file = {secret_file(folder, "webhook-key", planted.secret("webhook-key"))}
alerts.routes_file = {routes(planted, folder, hook)}
alerts.trusted_hosts = localhost, {hook.url.split("/")[2]}
alerts.poll_interval_ms = 100
alerts.backoff_ms = 50
alerts.backoff_max_ms = 200
""")
    return hook, config


def plant(planted, pipe):
    folder = pipe.folder / "receivers"
    folder.mkdir()
    hook, config = settings_file(planted, folder)
    pipe.alerter(METAOPS_CONFIG=str(config), METAOPS_POSTGRES_CONNINFO=None,
                 METAOPS_POSTGRES_CONNINFO_FILE=str(pipe.folder / "conninfo"),
                 METAOPS_ADMIN_TOKEN_FILE=str(pipe.folder / "token"), **DEBUG)
    pipe.wait_ready()
    prepare(pipe)
    with owner(pipe) as connection:
        raise_alert(connection, 1)
        wait_until("every receiver failed twice", lambda: [name for (name,) in pipe.query(
            "select receiver from metaops.alert_deliveries where attempts > 1 and last_error is not null"
            " order by 1")] == RECEIVERS)
    planted.heard("messages", b"".join(message.body for message in hook.messages))
    check("the webhook was asked with its password", True, any(
        message.headers.get("Authorization", "").startswith("Basic ") for message in hook.messages))
    hook.close()
    for words in (["check"], ["--print-config"], ["alerts", "list"], ["status", "-v"]):
        command(planted, pipe, *words, METAOPS_CONFIG=str(config))
    wrong_lines(planted, pipe, folder)


def wrong_lines(planted, pipe, folder):
    """What nobody can use is said to be wrong without being shown."""
    s = planted.secret
    for line in (
        f"receiver.a.url https://hooks.example.com/services/{s('routes-no-equals')}?x=1",
        f"receiver.a.url = ftp://u:{s('routes-ftp')}@h/",
        f"receiver.a.url = https://u:{s('routes-port')}@h:none/",
        f"receiver.a.url = {s('routes-no-url')}",
        f'receiver.a.url = "https://h/{s("routes-no-quote")}',
        f"receiver.a.key = {s('routes-key')}",
        f"receiver.a.type = {s('routes-type')}",
        f"receiver.a.key_file = {secret_file(folder, 'short-key', 'whsec_' + s('routes-no-base64') + '_')}",
    ):
        path = secret_file(folder, "wrong-routes", f"{line}\nreceiver.a.type = webhook\nroute.b.receivers = a")
        check(f"{line[:20]}: refused", 1, command(planted, pipe, "alerter", METAOPS_ALERTS_ROUTES_FILE=str(path)))
        check(f"{line[:20]}: found by check", 1, command(planted, pipe, "check", METAOPS_ALERTS_ROUTES_FILE=str(path)))
    for name, url in (("no-host", f"http://u:{s('webhook-no-host')}@"), ("scheme", f"gopher://{s('webhook-scheme')}"),
                      ("blank", f"https://h/ {s('webhook-blank')}")):
        check(f"a webhook URL, {name}: refused", 1, command(planted, pipe, "alerter", METAOPS_ALERTS_WEBHOOK_URL=url))
