"""A PostgreSQL that talks TLS only. With verify-full and channel binding the program migrates, lands events and checks; a
wrong name, a wrong authority and an unencrypted way are refused with words that say why, by commands and by the
worker, which waits and goes on once the certificate is right. `metaops check` says how safe the way is. No password
in any of it."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request

from checks import check, end
from own_pipeline import LIMIT_S, PROGRAM, Pipeline, wait_until
from private_postgres import PASSWORD, PrivatePostgres

HBA = "hostssl postgres metaops_reader 127.0.0.1/32 trust\nhostssl all all 127.0.0.1/32 scram-sha-256\nhostnossl all all 127.0.0.1/32 reject\n"


def openssl(*words):
    done = subprocess.run(["openssl", *words], capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"openssl {words[0]}: {done.stderr}")


def authority(folder, name):
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem")


def certificate(folder, name, ca, dns):
    extensions = pathlib.Path(folder, f"{name}.ext")
    extensions.write_text(f"subjectAltName=DNS:{dns}\n", encoding="utf-8")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={dns}", "-keyout", f"{folder}/{name}.key",
            "-out", f"{folder}/{name}.csr")
    openssl("x509", "-req", "-days", "2", "-in", f"{folder}/{name}.csr", "-CA", f"{folder}/{ca}.pem", "-CAkey",
            f"{folder}/{ca}.key", "-CAcreateserial", "-extfile", str(extensions), "-out", f"{folder}/{name}.pem")


def conninfo(server, role, database, root, host="localhost", mode="verify-full", more="channel_binding=require"):
    return (f"host={host} hostaddr=127.0.0.1 port={server.port} user={role} password='{PASSWORD}' dbname={database}"
            f" sslmode={mode} sslrootcert={root} {more}")


def run(*words, words_of, **environment):
    """Exit code and all words of a command, which are kept for the search for the password."""
    done = subprocess.run([PROGRAM, *words], env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment},
                          capture_output=True, text=True, timeout=LIMIT_S)
    words_of.append(done.stdout + done.stderr)
    return done.returncode, done.stdout + done.stderr


def refusals(server, folder, words_of):
    """name -> what is wrong with the conninfo, and the words that must come."""
    cases = {
        "another authority": (conninfo(server, "metaops_owner", "metaops", f"{folder}/other-ca.pem"), "certificate verify failed"),
        "another name": (conninfo(server, "metaops_owner", "metaops", f"{folder}/ca.pem", host="db.example.com"),
                         'server certificate for "localhost" does not match host name "db.example.com"'),
        "no authority at all": (conninfo(server, "metaops_owner", "metaops", f"{folder}/none.pem"), 'root certificate file'),
        "without encryption": (conninfo(server, "metaops_owner", "metaops", f"{folder}/ca.pem", mode="disable", more=""),
                               "no encryption"),
        "a server that asks for no password, so binds nothing": (
            conninfo(server, "metaops_reader", "postgres", f"{folder}/ca.pem"), "channel binding required"),
        "a wrong password": (conninfo(server, "metaops_owner", "metaops", f"{folder}/ca.pem").replace(PASSWORD, PASSWORD + "r"),
                             "password authentication failed"),
    }
    for name, (text, expected) in cases.items():
        code, words = run("migrate", words_of=words_of, METAOPS_POSTGRES_CONNINFO=text)
        check(f"{name}: refused, and said why", (1, True), (code, expected in words.replace('\\"', '"')))


def the_check(server, folder, words_of):
    for mode, expected in (("verify-full", "server verified (verify-full)"), ("require", "server not verified")):
        _, words = run("check", words_of=words_of, METAOPS_KAFKA_BROKERS=os.environ["METAOPS_KAFKA"],
                       METAOPS_POSTGRES_CONNINFO=conninfo(server, "metaops_reader", "metaops", f"{folder}/ca.pem", mode=mode))
        line = next((line for line in words.splitlines() if "PostgreSQL encryption" in line), "")
        check(f"check tells {mode}", (True, mode == "verify-full"), (f"encrypted (TLSv1.3), {expected}" in line, line.startswith("ok")))


def event(number):
    return json.dumps({"eventTime": "2026-03-01T10:00:00Z", "job": {"namespace": "tls", "name": f"job-{number}"}}).encode()


def is_ready(worker):
    try:
        with urllib.request.urlopen(f"{worker.admin_url}/readyz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="metaops-tls-"))
    os.chmod(folder, 0o755)
    words_of = []
    authority(folder, "ca")
    authority(folder, "other-ca")
    certificate(folder, "good", "ca", "localhost")
    certificate(folder, "bad", "other-ca", "localhost")
    server = PrivatePostgres(
        settings=["ssl = on", f"ssl_cert_file = '{folder}/server.pem'", f"ssl_key_file = '{folder}/server.key'"], hba=HBA)

    def serve(name):
        for kind in ("pem", "key"):
            shutil.copy(folder / f"{name}.{kind}", folder / f"server.{kind}")
            server.give(folder / f"server.{kind}")

    serve("good")
    with server:
        code, words = run("migrate", words_of=words_of, METAOPS_POSTGRES_CONNINFO=conninfo(
            server, "metaops_owner", "metaops", f"{folder}/ca.pem"))
        check("verify-full and channel binding: migrated", (0, True), (code, "applied 0001_graph.sql" in words))
        refusals(server, folder, words_of)
        the_check(server, folder, words_of)

        os.environ["METAOPS_DSN"] = server.dsn("metaops_owner")
        with Pipeline("tls", 2) as pipe:
            worker = pipe.worker(METAOPS_POSTGRES_CONNINFO=conninfo(server, "metaops_writer", pipe.database, f"{folder}/ca.pem"))
            pipe.emit([event(number) for number in range(50)])
            pipe.wait_stored()
            check("the worker lands events", 50, pipe.value("select count(*) from metaops.events"))
            check("over TLS, all of its connections", [(True, "TLSv1.3")], server.superuser(
                "select distinct s.ssl, s.version from pg_stat_ssl s join pg_stat_activity a using (pid)"
                " where a.application_name like 'metaops sink%' and a.datname = current_database()", database=pipe.database))
            worker.stop()

            serve("bad")
            server.superuser("select pg_reload_conf()")
            worker = pipe.worker(2, METAOPS_POSTGRES_CONNINFO=conninfo(server, "metaops_writer", pipe.database, f"{folder}/ca.pem"))
            wait_until("its words", lambda: "certificate verify failed" in worker.words())
            check("a worker that cannot trust the server says so, waits, is not ready", (True, False), (worker.runs(), is_ready(worker)))
            serve("good")
            server.superuser("select pg_reload_conf()")
            pipe.emit([event(number) for number in range(50, 100)])
            pipe.wait_stored()
            check("and goes on when it can", 100, pipe.value("select count(*) from metaops.events"))
            words_of += [role.words(1 << 20) for role in pipe.roles]
        words_of.append(pathlib.Path(server.log).read_text(encoding="utf-8", errors="replace"))
    shutil.rmtree(folder)
    check("no password in any of all that", False, PASSWORD in "".join(words_of))
    check("nor a part of it", False, PASSWORD.split()[1] in "".join(words_of))
    end()


main()
