"""payload_load - requests and answers of predictions through the door, over kept connections, at a rate.

    payload_load.py URL RATE SECONDS CONNECTIONS   prints how many were taken, and their time in milliseconds: p50 p99 max

Open loop: a time begins when the payload was due, so that stalls count."""

import asyncio
import os
import sys
import time
import urllib.parse

RUN = os.urandom(4).hex()
BODY = {
    "request": b'{"inputs":[{"name":"predict","datatype":"FP64","shape":[1,4],"data":[5.1,3.5,1.4,0.2]}]}',
    "response": b'{"model_name":"iris","model_version":"2","outputs":[{"name":"predict","shape":[1,1],"datatype":"INT64","data":[0]}]}',
}


def payload(number):
    """Of 20 streams in turn; every second one is the answer to the one before."""
    kind = "response" if number % 2 else "request"
    body = BODY[kind]
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{number % 1000:03}Z"
    return (
        f"POST /api/v1/cloudevents HTTP/1.1\r\nHost: door\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"Ce-Specversion: 1.0\r\nCe-Id: {RUN}-{number}\r\nCe-Source: http://0.0.0.0:8000/\r\nCe-Time: {stamp}\r\n"
        f"Ce-Type: io.seldon.serving.inference.{kind}\r\nCe-Namespace: bench\r\nCe-Inferenceservicename: deployment-{number // 2 % 20}\r\n"
        f"Ce-Endpoint: default\r\nCe-Modelid: iris\r\nCe-Requestid: {RUN}-{number // 2}\r\n\r\n"
    ).encode() + body


async def answered(reader):
    """-> the status of one answer"""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    return int(head[9:12])


async def connection(address, mine, due_s, waits_ms, refused):
    reader, writer = await asyncio.open_connection(*address)
    for number in mine:
        await asyncio.sleep(max(0.0, due_s(number) - time.perf_counter()))
        writer.write(payload(number))
        if await answered(reader) == 200:
            waits_ms.append((time.perf_counter() - due_s(number)) * 1000)
        else:
            refused.append(number)
    writer.close()


async def main():
    url, rate, seconds, connections = urllib.parse.urlsplit(sys.argv[1]), *map(int, sys.argv[2:5])
    start_s = time.perf_counter() + 1
    waits_ms, refused = [], []
    await asyncio.gather(*(
        connection((url.hostname, url.port), range(first, rate * seconds, connections), lambda number: start_s + number / rate,
                   waits_ms, refused)
        for first in range(connections)))
    waits_ms.sort()
    if refused:
        sys.exit(f"payload_load: {len(refused)} were not taken")
    count = len(waits_ms)
    print(count, *(f"{waits_ms[min(count - 1, at)]:.2f}" for at in (count // 2, count * 99 // 100, count)))


asyncio.run(main())
