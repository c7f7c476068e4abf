"""A running worker exports signed heads of the audit chains to a file and to Kafka. With either `metaops audit verify`
finds what the owner of the database can do without leaving a trace in it: a chain rewritten from end to end with hashes
that fit, and a cut tail. Without heads it says that it cannot prove this. Heads that were altered prove nothing."""

import json
import os
import pathlib
import re
import subprocess
import time

from audit_store import copy_of, is_whole, made, names, one, verify
from checks import check, end
from own_pipeline import Pipeline, metric, query, wait_until

# Hashes anew whatever follows the genesis of a chain: what an owner of the database would do.
REWRITE = """
do $$
declare
    before bytea := (select genesis from graph.audit_streams where stream_id = {stream});
    a graph.audit;
begin
    for a in select * from graph.audit where stream_id = {stream} order by sequence loop
        before := graph.audit_hash(before, a.sequence, a.kind, a.from_offset, a.next_offset, a.received_from,
                                   a.received_until, a.written_at, a.digests);
        update graph.audit set hash = before where stream_id = {stream} and sequence = a.sequence;
    end loop;
end $$"""


def keys(folder):
    """Ed25519: the signer's, its public half, a stranger's, and one of another kind."""
    paths = {name: folder / f"{name}.pem" for name in ("key", "public", "other", "rsa")}
    for name in ("key", "other"):
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", paths[name]], check=True)
    subprocess.run(["openssl", "genpkey", "-algorithm", "rsa", "-quiet", "-out", paths["rsa"]], check=True)
    subprocess.run(["openssl", "pkey", "-in", paths["key"], "-pubout", "-out", paths["public"]], check=True)
    for name in ("key", "other", "rsa"):
        paths[name].chmod(0o600)
    return paths


def exports(heads):
    return [json.loads(line) for line in heads.read_text().splitlines()] if heads.exists() else []


def last_rows(pipe):
    rows = pipe.query("""
        select distinct on (topic, partition) topic, partition, sequence, hash from metaops.audit
        order by topic, partition, sequence desc""")
    return {(topic, partition): (sequence, digest) for topic, partition, sequence, digest in rows}


def heads_of(export):
    return {(head["topic"], head["partition"]): (head["sequence"], head["hash"])
            for head in export["heads"] if "topic" in head}


def is_exported(pipe, heads):
    done = exports(heads)
    return bool(done) and heads_of(done[-1]) == last_rows(pipe)


def a_worker_exports(pipe, paths, heads):
    signing = {"METAOPS_AUDIT_KEY_FILE": str(paths["key"]), "METAOPS_AUDIT_HEADS_FILE": str(heads)}
    worker = pipe.worker(1, **signing, METAOPS_AUDIT_HEADS_INTERVAL_MS="1000")
    for at in range(0, 40, 10):
        pipe.emit([made(number) for number in range(at, at + 10)])
        pipe.wait_stored()
        wait_until("heads of what came in are in the file", lambda: is_exported(pipe, heads))
    count = len(exports(heads))
    time.sleep(3)
    check("where nothing came in nothing is exported", count, len(exports(heads)))
    check("an export says when", True, exports(heads)[-1]["at"] > exports(heads)[0]["at"])
    wait_until("the topic has the same lines", lambda: [value for _, _, _, value in pipe.records(
        f"{pipe.name}.audit-heads")] == heads.read_bytes().splitlines())
    wait_until("exports are counted", lambda: metric(
        worker.admin_url, 'metaops_worker_audit_exports_total{result="done"}') > 1)
    check("the worker ends well", 0, worker.stop())

    # A schedule of hours: what came in since the last export goes at the end.
    worker = pipe.worker(2, **signing)
    pipe.emit([made(number) for number in range(40, 60)])
    pipe.wait_stored()
    check("the worker ends well", 0, worker.stop())
    check("what came in last was exported at the end", True, is_exported(pipe, heads))


def bad_keys(pipe, paths, heads):
    """A worker that shall sign and cannot does not start; a file that cannot be written keeps nothing from the topic."""
    paths["other"].chmod(0o644)
    for name, words in (("other", "may be read by everybody"), ("rsa", "is no Ed25519 private key"),
                        ("public", "is no Ed25519 private key"), ("absent", "No such file")):
        path = paths.get(name, pathlib.Path("/nowhere/key.pem"))
        if name == "public":
            path.chmod(0o600)
        worker = pipe.worker(3, METAOPS_AUDIT_KEY_FILE=str(path))
        wait_until(f"a worker ends over the key {name}", lambda: not worker.runs())
        check(f"and says why: {name}", (1, True), (worker.process.returncode, words in worker.words()))
    os.mkfifo(pipe.folder / "fifo")
    for number, path in (4, "/nowhere/heads"), (6, pipe.folder / "fifo"):
        before = len(pipe.records(f"{pipe.name}.audit-heads"))
        worker = pipe.worker(number, METAOPS_AUDIT_KEY_FILE=str(paths["key"]), METAOPS_AUDIT_HEADS_FILE=str(path))
        wait_until("the topic has heads though the file cannot be written",
                   lambda: len(pipe.records(f"{pipe.name}.audit-heads")) > before)
        wait_until("which is told", lambda: "not exported to the file" in worker.words())
        worker.stop()


def rewritten(pipe, dsn, stream):
    """An event is taken out, and out of its row of the chain; everything behind it is hashed anew."""
    event, offset = one(pipe, f"""
        select event_id, kafka_offset from graph.events e join graph.audit_streams s
            on s.topic = e.topic and s.partition = e.kafka_partition
        where s.stream_id = {stream} order by kafka_offset offset 3 limit 1""")
    sequence, first = one(pipe, f"""
        select sequence, from_offset from graph.audit where stream_id = {stream} and kind = 1
            and from_offset <= {offset} and next_offset > {offset}""")
    place = 16 * len(pipe.query(f"""
        select 1 from graph.events e join graph.audit_streams s on s.topic = e.topic and s.partition = e.kafka_partition
        where s.stream_id = {stream} and kafka_offset >= {first} and kafka_offset < {offset}"""))
    query(dsn, f"delete from graph.events where event_id = '{event}'")
    query(dsn, f"delete from graph.event_ids where event_id = '{event}'")
    query(dsn, f"""
        update graph.audit set digests = substr(digests, 1, {place}) || substr(digests, {place} + 17)
        where stream_id = {stream} and sequence = {sequence}""")
    query(dsn, REWRITE.format(stream=stream))
    return sequence


def cut(pipe, dsn, stream):
    """The last rows of a chain, with their events and ids, and the position set back to them."""
    offset, kept = one(pipe, f"""
        select from_offset, sequence - 1 from graph.audit where stream_id = {stream} and kind = 1
            and octet_length(digests) > 0 order by sequence desc limit 1""")
    place = f"(select topic, partition from graph.audit_streams where stream_id = {stream})"
    query(dsn, f"""delete from graph.event_ids where event_id in (select event_id from graph.events
                   where (topic, kafka_partition) = {place} and kafka_offset >= {offset})""")
    query(dsn, f"delete from graph.events where (topic, kafka_partition) = {place} and kafka_offset >= {offset}")
    query(dsn, f"update graph.offsets set next_offset = {offset} where (topic, partition) = {place}")
    query(dsn, f"delete from graph.audit where stream_id = {stream} and sequence > {kept}")
    return kept


def only_heads_tell(pipe, paths, heads, stream, name):
    ways = {"a file": ("--heads", heads, "--key", paths["public"]), "kafka": ("--heads", "kafka", "--key", paths["key"])}
    last = pipe.value(f"select max(sequence) from graph.audit where stream_id = {stream}")
    not_proven = "not proven   without signed heads (--heads FILE) that no chain was rewritten"
    for what, deed in (("a chain rewritten from end to end", rewritten), ("a cut tail", cut)):
        with copy_of(pipe) as dsn:
            row = deed(pipe, dsn, stream)
            lines = is_whole(pipe, f"{what}: nothing to be seen without heads", dsn=dsn)
            check(f"{what}: which is said", True, any(line.startswith(not_proven) for line in lines))
            for way, words in ways.items():
                code, faults, _ = verify(pipe, *words, dsn=dsn)
                if deed is cut:
                    names(f"{what}, heads from {way}", [
                        rf"{name}: ends at row {row}, but the head signed at .* is row {last}: {last - row} rows were"
                        r" cut from its end"], code, faults)
                    continue
                # Heads of each export behind the row that was changed tell so, the first one between which rows.
                first = re.fullmatch(rf"{name}: row ([0-9]+) has another hash than the head signed at .*: the chain was"
                                     r" rewritten from a row between ([0-9]+) and ([0-9]+) on", faults[0])
                check(f"{what}, heads from {way}: named", (1, True), (
                    code, bool(first) and int(first[2]) <= row <= int(first[3])))


def heads_must_be_true(pipe, paths, heads):
    def says(what, words, text, *more):
        path = pipe.folder / "altered"
        path.write_bytes(text)
        code, faults, lines = verify(pipe, "--heads", path, "--key", more[0] if more else paths["public"])
        check(f"heads: {what}", (1, [], True), (code, faults, any(words in line for line in lines)))

    text = heads.read_bytes()
    lines = text.splitlines(keepends=True)
    digit = text.index(b'"hash":"') + 8
    other = b"0" if text[digit:digit + 1] != b"0" else b"1"
    says("an altered one is refused", "line 1: the signature is wrong", text[:digit] + other + text[digit + 1:])
    says("another's are refused", "signed by key", text, paths["other"])
    says("what is none is refused", "no export of heads", b"x" * 80 + lines[-1][-145:])
    says("none at all are not taken for proof", "there are no heads in", b"")
    code, _, words = verify(pipe, "--heads", heads)
    check("heads without a key prove nothing", (1, True), (code, any("heads are worth their key" in w for w in words)))
    torn = pipe.folder / "torn"
    torn.write_bytes(lines[0] + lines[1][:50] + b"\n" + b"".join(lines[1:]))
    told = is_whole(pipe, "heads: what a full disk cut short does no harm", "--heads", torn, "--key", paths["public"])
    check("and is told", True, "heads        1 lines are cut and prove nothing" in told)


def a_cut_file_goes_on(pipe, paths, heads):
    """A worker that finds half a line behind it begins a new one."""
    whole = heads.read_bytes()
    heads.write_bytes(whole + whole.splitlines()[0][:40])
    worker = pipe.worker(5, METAOPS_AUDIT_KEY_FILE=str(paths["key"]), METAOPS_AUDIT_HEADS_FILE=str(heads))
    wait_until("a line more", lambda: len(heads.read_bytes().splitlines()) == len(whole.splitlines()) + 2)
    worker.stop()
    is_whole(pipe, "all of them prove", "--heads", heads, "--key", paths["public"])


def main():
    with Pipeline("heads", 2) as pipe:
        paths, heads = keys(pipe.folder), pipe.folder / "heads"
        a_worker_exports(pipe, paths, heads)
        lines = is_whole(pipe, "a store as it came in agrees with its heads", "--heads", heads, "--key", paths["public"])
        check("what is not proven is named", True, any(
            line.startswith("not proven   what came after the last heads") for line in lines))
        is_whole(pipe, "and with those of the topic", "--heads", "kafka", "--key", paths["public"])
        stream, partition = one(pipe, f"""
            select s.stream_id, s.partition from graph.audit a join graph.audit_streams s using (stream_id)
            where s.topic = '{pipe.topic}' group by 1, 2 order by count(*) desc limit 1""")
        only_heads_tell(pipe, paths, heads, stream, re.escape(f"{pipe.topic}/{partition}"))
        heads_must_be_true(pipe, paths, heads)
        a_cut_file_goes_on(pipe, paths, heads)
        bad_keys(pipe, paths, heads)
    end()


main()
