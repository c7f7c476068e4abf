"""Secrets planted through every door (gateway, emitters, Kafka, settings, files), each of them another, are looked for
wherever they could come out: answers, logs, what commands print, command lines, environments of processes that were
given files, topics, every table, admin pages, spools, core dumps. What redaction finds inside events is tried place by
place in tests/integration/redaction."""

import cores
import doors
import places
import receivers
import settings
from avro_records import read_event, read_letter
from checks import check, end
from own_pipeline import Pipeline, role_dsn
from planted import Planted


def secret_files(planted, pipe):
    """Secrets that are given to roles as files: a password that is right, and the token of the admin ports."""
    dsn = role_dsn("writer", pipe.database)
    planted.secrets["writer-password"] = dsn.split(":")[2].split("@")[0]
    files = {"conninfo": dsn, "token": planted.secret("admin-token")}
    for name, text in files.items():
        files[name] = pipe.folder / name
        files[name].write_text(text + "\n")
        files[name].chmod(0o600)
    return {name: str(path) for name, path in files.items()}


def start(planted, pipe, topic):
    """Gateway and worker with their secrets in files."""
    files = secret_files(planted, pipe)
    without = {"METAOPS_POSTGRES_CONNINFO": None, "METAOPS_ADMIN_TOKEN_FILE": files["token"]}
    pipe.gateway(**without)
    pipe.worker(**without, METAOPS_POSTGRES_CONNINFO_FILE=files["conninfo"], METAOPS_INGEST_OPENLINEAGE_TOPICS=topic)
    pipe.wait_ready()


def look(planted, pipe, topic):
    for role in pipe.roles:
        places.admin(planted, role, planted.secrets["admin-token"])
        places.process(planted, role)
    places.command_lines(planted)
    places.topic(planted, pipe, pipe.dead_topic, read_letter)
    places.topic(planted, pipe, pipe.keys_topic)
    places.store(planted, pipe)
    for role in pipe.roles:
        role.stop()
        planted.heard(f"log of {role.name}", (pipe.folder / f"{role.name}.log").read_bytes())


def main():
    planted = Planted()
    required = {"METAOPS_INGEST_AUTH": "required", "METAOPS_INGEST_REFUSALS_INTERVAL_MS": "200", **doors.DEBUG}
    with Pipeline("secrets", 3, required) as pipe:
        topic = f"{pipe.name}.openlineage"
        pipe.make_topic(topic, 1)
        start(planted, pipe, topic)
        key = doors.new_key(planted, pipe)
        landed = doors.by_http(planted, pipe.roles[0], key)
        landed += doors.by_emitters(planted, pipe, pipe.roles[0], key)
        # Before somebody else writes to it what he likes.
        places.topic(planted, pipe, pipe.topic, read_event)
        landed += doors.by_kafka(planted, pipe, topic)
        pipe.wait_stored()
        pipe.wait_stored(topic=topic)
        check("events of all doors are there", landed, pipe.value("select count(*) from metaops.events where kind is not null"))
        check("and dead letters", 3, pipe.value("select count(*) from metaops.dead_letters"))
        settings.plant(planted, pipe)
        receivers.plant(planted, pipe)
        look(planted, pipe, topic)
        print(f"{len(planted.secrets)} secrets, {sum(map(len, planted.words.values()))} texts, "
              f"{sum(len(part) for parts in planted.words.values() for part in parts)} bytes")
        check("no secret anywhere", [], planted.found())
        cores.try_all(pipe)
    end()


main()
