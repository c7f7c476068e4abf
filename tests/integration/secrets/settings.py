"""settings - passwords in settings, right ones and such as nobody can use."""

from checks import check
from doors import command


def conninfos(planted):
    """Wrong in ways that libpq quotes: what it cannot understand is often the password."""
    s = planted.secret
    return {
        "an unknown option": f"host=127.0.0.1 {s('option')}=1",
        "blanks in a password": f"host=127.0.0.1 password=a {s('blanks')}",
        "a slash in a password": f"postgresql://u:{s('slash-a')}/{s('slash-b')}@127.0.0.1/d",
        "an @ in a password": f"postgresql://u:x@{s('at')}@127.0.0.1/d",
        "a port that is none": f"host=127.0.0.1 port={s('port')}",
        "a host that is none": f"postgresql://u:{s('host')}@127.0.0.1:1/d",
        "a percent sign in a password": f"postgresql://u:%zz{s('percent')}@127.0.0.1/d",
        "a question mark in a password": f"postgresql://u:x?{s('question')}@127.0.0.1/d",
    }


def no_connection(planted, pipe):
    for what, text in conninfos(planted).items():
        check(f"{what}: refused", 1, command(planted, pipe, "offsets", "list", METAOPS_POSTGRES_CONNINFO=text))
    path = pipe.folder / "wrong"
    path.write_text(f"postgresql://u:{planted.secret('conninfo-file')}@127.0.0.1:1/d\n")
    check("nobody listens: refused", 1, command(
        planted, pipe, "offsets", "list", METAOPS_POSTGRES_CONNINFO=None, METAOPS_POSTGRES_CONNINFO_FILE=str(path)))
    check("a wrong password: refused", 1, command(
        planted, pipe, "offsets", "list", PGPASSWORD=planted.secret("pgpassword"),
        METAOPS_POSTGRES_CONNINFO=f"{pipe.dsn}?user=metaops_reader&password={planted.secret('wrong-password')}"))


def printed(planted, pipe):
    s = planted.secret
    secret = {
        "METAOPS_RDKAFKA_SASL_PASSWORD": s("sasl-password"),
        "METAOPS_RDKAFKA_SSL_KEY_PASSWORD": s("ssl-key-password"),
        "METAOPS_RDKAFKA_SSL_KEY_PEM": s("ssl-key-pem"),
        "METAOPS_RDKAFKA_SSL_KEYSTORE_PASSWORD": s("keystore-password"),
        "METAOPS_RDKAFKA_SASL_OAUTHBEARER_CLIENT_SECRET": s("oauth-secret"),
        "METAOPS_RDKAFKA_SASL_OAUTHBEARER_CONFIG": f"principal=a scope={s('oauth-config')}",
        "METAOPS_RDKAFKA_SASL_KERBEROS_KINIT_CMD": f"kinit -w {s('kinit')}",
        "METAOPS_POSTGRES_CONNINFO": f"postgresql://u:{s('conninfo')}@h/d",
        "METAOPS_SCHEMA_REGISTRY_URL": f"http://u:{s('registry')}@127.0.0.1:1",
    }
    check("--print-config", 0, command(planted, pipe, "--print-config", **secret))
    check("check", 1, command(planted, pipe, "check", **secret))
    check("migrate --schemas", 1, command(planted, pipe, "migrate", "--schemas", **secret))
    check("a gateway that cannot start", 1, command(planted, pipe, "gateway", **secret))


def wrong_lines(planted, pipe):
    config = pipe.folder / "metaops.conf"
    s = planted.secret
    for line, code in (
        (f"postgres.conninfo {s('no-equals')}", 3),
        (f"postgres.conninfo postgresql://u:{s('no-equals-but-one-inside')}@h/d?sslmode=require", 3),
        (f'postgres.conninfo = "{s("no-quote")}', 3),
        (f"postgres.conninfos = {s('no-key')}", 3),
        (f"rdkafka.sasl.passwort = {s('no-property')}", 1),
    ):
        config.write_text(line + "\n")
        check(f"{line[:20]}: refused", code, command(planted, pipe, "gateway", "--config", str(config)))


def plant(planted, pipe):
    no_connection(planted, pipe)
    printed(planted, pipe)
    wrong_lines(planted, pipe)
