"""post_load - what other systems send, through their doors, over kept connections, at a rate.

    post_load.py URL DOOR RATE SECONDS CONNECTIONS   prints how many events were taken, and the time of a POST in milliseconds:
                                                     p50 p99 max

DOOR: cloudevents (requests and answers of predictions, one a POST), audit (13 events of Kubernetes a POST, as kube-apiserver
sent them) or mlflow (a tag of a version a POST). Open loop: a time begins when the POST was due, so that stalls count."""

import asyncio
import json
import os
import pathlib
import sys
import time
import urllib.parse
import uuid

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
RUN = os.urandom(4).hex()
BODY = {
    "request": b'{"inputs":[{"name":"predict","datatype":"FP64","shape":[1,4],"data":[5.1,3.5,1.4,0.2]}]}',
    "response": b'{"model_name":"iris","model_version":"2","outputs":[{"name":"predict","shape":[1,1],"datatype":"INT64","data":[0]}]}',
}
AUDIT = (DATA / "kubernetes" / "req_0005.json").read_text()
AUDIT_IDS = [item["auditID"] for item in json.loads(AUDIT)["items"]]


def now(number):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{number % 1000:03}Z"


def post(path, body, headers=""):
    return (f"POST {path} HTTP/1.1\r\nHost: door\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"{headers}\r\n").encode() + body


def prediction(number):
    """Of 20 streams in turn; every second one is the answer to the one before."""
    kind = "response" if number % 2 else "request"
    return post("/api/v1/cloudevents", BODY[kind], (
        f"Ce-Specversion: 1.0\r\nCe-Id: {RUN}-{number}\r\nCe-Source: http://0.0.0.0:8000/\r\nCe-Time: {now(number)}\r\n"
        f"Ce-Type: io.seldon.serving.inference.{kind}\r\nCe-Namespace: bench\r\n"
        f"Ce-Inferenceservicename: deployment-{number // 2 % 20}\r\n"
        f"Ce-Endpoint: default\r\nCe-Modelid: iris\r\nCe-Requestid: {RUN}-{number // 2}\r\n"))


def audit_list(number):
    """The same list under new audit ids."""
    body = AUDIT
    for audit_id in AUDIT_IDS:
        body = body.replace(audit_id, str(uuid.uuid4()))
    return post("/api/v1/kubernetes/audit/bench", body.encode())


def tag(number):
    return post("/api/v1/mlflow/webhooks", json.dumps({
        "entity": "model_version_tag", "action": "set", "timestamp": now(number).replace("Z", "+00:00"),
        "data": {"name": f"bench-{RUN}", "version": str(number % 20), "key": "owner", "value": str(number)}}).encode())


# What makes a POST, and how many events are in it.
DOORS = {"cloudevents": (prediction, 1), "audit": (audit_list, len(AUDIT_IDS)), "mlflow": (tag, 1)}


async def answered(reader):
    """-> the status of one answer"""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    return int(head[9:12])


async def connection(address, make, mine, due_s, waits_ms, refused):
    reader, writer = await asyncio.open_connection(*address)
    for number in mine:
        await asyncio.sleep(max(0.0, due_s(number) - time.perf_counter()))
        writer.write(make(number))
        if await answered(reader) == 200:
            waits_ms.append((time.perf_counter() - due_s(number)) * 1000)
        else:
            refused.append(number)
    writer.close()


async def main():
    url, (make, events) = urllib.parse.urlsplit(sys.argv[1]), DOORS[sys.argv[2]]
    rate, seconds, connections = map(int, sys.argv[3:6])
    start_s = time.perf_counter() + 1
    waits_ms, refused = [], []
    await asyncio.gather(*(
        connection((url.hostname, url.port), make, range(first, rate * seconds // events, connections),
                   lambda number: start_s + number * events / rate, waits_ms, refused)
        for first in range(connections)))
    waits_ms.sort()
    if refused:
        sys.exit(f"post_load: {len(refused)} were not taken")
    count = len(waits_ms)
    print(count * events, *(f"{waits_ms[min(count - 1, at)]:.2f}" for at in (count // 2, count * 99 // 100, count)))


asyncio.run(main())
