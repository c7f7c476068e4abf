"""Posts what refused.py and landed.py list to a gateway and a worker of its own, so that counts are
exact: refused events are answered with the place of the fault and counted, and nothing else of them
is left; every other event lands with the rows that landed.py says."""

import concurrent.futures
import gzip
import hashlib
import json
import uuid

from checks import check, end
from landed import cases, event
from own_pipeline import Pipeline, metric, post
from refused import texts


def refuse(url):
    """Every refusal has a good neighbour; -> how many of each."""
    refused = good = 0
    for name, status, pointer, offset, body in texts():
        code, headers, problem = post(url, body)
        if pointer is None:
            pointer = problem.get("pointer")
        expected = (status, "application/problem+json", pointer, offset)
        actual = (code, headers.get_content_type(), problem.get("pointer"), problem.get("offset"))
        check(f"refused: {name}", expected, actual)
        check(f"refused: {name}: has a reason", True, bool(problem.get("detail")))
        refused += 1
        code, _, _ = post(url, json.dumps(event("neighbours", "START", run=1000 + good)).encode())
        check(f"refused: {name}: the next one is taken", 201, code)
        good += 1
    return refused, good


def refuse_bodies(url):
    """Bodies that are refused before anybody looks for an event in them."""
    bomb = gzip.compress(b" " * (33 << 20))
    for name, status, body, headers in (
        ("more than 32 MiB", 413, b" " * ((32 << 20) + 1), {}),
        ("more than 32 MiB when inflated", 413, bomb, {"Content-Encoding": "gzip"}),
        ("no gzip", 400, b"hello", {"Content-Encoding": "gzip"}),
        ("gzip cut short", 400, gzip.compress(b"{}" * 1000)[:-9], {"Content-Encoding": "gzip"}),
        ("another coding", 415, b"{}", {"Content-Encoding": "br"}),
    ):
        try:
            code, _, _ = post(url, body, **headers)
        except OSError as cut:
            code = f"no answer: {cut}"
        check(f"refused: {name}", status, code)


def land(pipe, url):
    """-> the distinct events"""
    ids = set()
    asked = []
    for name, namespace, posted, question, answer in cases():
        for each in posted:
            body = each if isinstance(each, bytes) else json.dumps(each).encode()
            code, _, said = post(url, body)
            check(f"taken: {name}", 201, code)
            digest = str(uuid.UUID(bytes=hashlib.sha256(body).digest()[:16]))
            check(f"its id: {name}", digest, said.get("eventId"))
            ids.add(digest)
        asked.append((name, namespace, question, answer))
    pipe.wait_stored()
    for name, namespace, question, answer in asked:
        quoted = "'" + namespace.replace("'", "''") + "'"
        check(f"lands: {name}", answer, pipe.query(question.replace(" N", " " + quoted).replace("(N", "(" + quoted)))
    return ids


def at_once(pipe, url):
    """One event and 32 runs on the same new datasets, from 32 connections."""
    same = json.dumps(event("at-once-same", "COMPLETE", inputs=["a"])).encode()
    runs = [json.dumps(event("at-once", "COMPLETE", run=100 + i, inputs=["a"], outputs=["b"])).encode() for i in range(32)]
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        codes = list(pool.map(lambda body: post(url, body)[0], [same] * 32 + runs))
    check("32 times the same and 32 runs at once", [201] * 64, codes)
    pipe.wait_stored()
    check("the same is one event", 1, pipe.value("select count(*) from metaops.events where job_namespace = 'at-once-same'"))
    check("32 runs, two edges", [("input", 32), ("output", 32)], pipe.query(
        "select direction, runs from metaops.edges where job_namespace = 'at-once' order by 1"))
    return 33


def main():
    with Pipeline("bad-input", 3) as pipe:
        gateway, worker = pipe.gateway(), pipe.worker()
        pipe.wait_ready()
        url = f"{gateway.url}/api/v1/lineage"
        refused, good = refuse(url)
        counted = metric(gateway.admin_url, 'metaops_gateway_events_total{result="refused"}')
        check("refusals are counted", refused, counted)
        refuse_bodies(url)
        check("nothing but the good ones is on Kafka", good, sum(pipe.ends().values()))
        distinct = good + at_once(pipe, url)
        ids = land(pipe, url)
        check("every event once", distinct + len(ids), pipe.value("select count(*) from metaops.events"))
        check("no dead letters", 0, pipe.value("select count(*) from metaops.dead_letters"))
        broken = pipe.broken_bodies()
        check("every body is what was sent", [], broken)
        check("both roles live", (True, True), (gateway.runs(), worker.runs()))
    end()


main()
