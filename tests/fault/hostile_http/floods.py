"""floods - many clients at once that hold on to what they can get: connections, memory, time. Each returns when the
gateway has ended it, or after a few seconds, and checks what became of its connections."""

import collections
import concurrent.futures
import gzip
import resource
import selectors
import socket
import struct
import time

from attacks import CRLF, GZIP, MIB, START, event, head, post
from checks import check
from wire_client import LIMIT_S, answers, connect, send

SECONDS = 2.0
SLOW = 400
CLIENTS = 4
TRIES = 3
# Between two requests of one client: machines that are busy with attackers alone say nothing of the gateway.
PAUSE_S = 0.01
RESETS = 3000
BODY = 32 * MIB
# Descriptors of the test itself and of what it waits for.
SPARE = 200
CONNECTIONS_MAX = 4096  # ingest.connections_max


def open_many(address, count, data):
    socks = []
    for _ in range(count):
        sock = connect(address)
        send(sock, data)
        socks.append(sock)
    return socks


def drip(address, count, begin, pieces, period_s=0.2, limit_s=LIMIT_S):
    """count connections send begin, then the pieces, one each period; -> {status: connections} of what they got,
    None for those that are open after all."""
    got = collections.Counter()
    selector = selectors.DefaultSelector()
    for sock in open_many(address, count, begin):
        selector.register(sock, selectors.EVENT_READ)
    end = time.monotonic() + limit_s
    due = time.monotonic()
    number = 0
    while selector.get_map() and time.monotonic() < end:
        for key, _ in selector.select(max(0, due - time.monotonic())):
            statuses, _, _ = answers(key.fileobj, 1)
            got[statuses[0] if statuses else "closed"] += 1
            selector.unregister(key.fileobj)
            key.fileobj.close()
        if time.monotonic() >= due:
            for key in list(selector.get_map().values()):
                send(key.fileobj, pieces[number % len(pieces)])
            number, due = number + 1, due + period_s
    for key in list(selector.get_map().values()):
        got[None] += 1
        key.fileobj.close()
    selector.close()
    return dict(got)


def slow(address):
    """Five kinds of slowness at once; each connection is cut when its time is over."""
    body = gzip.compress(event(b"flood") + b" " * 100000)
    kinds = {
        "heads": (START + b"X: ", [b"y"]),
        "lines": (START, [b"X", b":", b"y", CRLF]),
        "bodies": (head(b"Content-Length: 5000"), [b"{"]),
        "chunks": (head(b"Transfer-Encoding: chunked"), [b"1\r\n", b" ", CRLF]),
        "gzip": (head(GZIP, b"Content-Length: %d" % len(body)) + body[:100], [bytes([byte]) for byte in body[100:]]),
    }
    with concurrent.futures.ThreadPoolExecutor(len(kinds)) as pool:
        got = list(pool.map(lambda kind: drip(address, SLOW, *kind), kinds.values()))
    for name, each in zip(kinds, got):
        check(f"slow {name} are cut", {408: SLOW}, each)


def claims(address):
    """Each says that 32 MiB will come, and sends a kilobyte."""
    socks = open_many(address, SLOW, head(b"Content-Length: %d" % BODY) + b" " * 1024)
    time.sleep(1)
    with connect(address) as sock:
        send(sock, post(event(b"flood", b',"x":"beside claims"')))
        check("claims take no room", (201,), answers(sock, 1)[0])
    for sock in socks:
        sock.close()


def hold(address, data):
    sock = connect(address)
    sock.settimeout(5.0)
    try:
        sock.sendall(data)
    except OSError:
        pass
    return sock


def full_memory(address):
    """More bodies at once than there is memory for: the last ones are told to come again."""
    got = full(address)
    for _ in range(TRIES - 1):
        if got[(503,)] < 4:  # some were cut before others came
            got = full(address)
    check("bodies beyond the memory are told to come again", True, got[(503,)] >= 4)
    check("the others are cut when their time is over", {(503,), (408,)}, set(got))


def full(address):
    """Eight bodies without their last byte, where there is room for less than four -> {answers: how many}"""
    data = head(b"Content-Length: %d" % BODY) + b" " * (BODY - 1)
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        socks = list(pool.map(lambda _: hold(address, data), range(8)))
    got = collections.Counter(answers(sock, 1)[0] for sock in socks)
    for sock in socks:
        sock.close()
    return got


def pour(address, data, allowed, seconds=SECONDS):
    """The same again and again, on a few connections at a time; -> how often"""
    end = time.monotonic() + seconds

    def one(_):
        got = collections.Counter()
        while time.monotonic() < end:
            with connect(address) as sock:
                send(sock, data)
                got[answers(sock, 1, quiet_s=0)[0]] += 1
            time.sleep(PAUSE_S)
        return got

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        got = sum(pool.map(one, range(CLIENTS)), collections.Counter())
    print(f"  {dict(got)}")
    check("all are refused as they should be", set(), set(got) - {(status,) for status in allowed})


def heads(address):
    pour(address, START + b"X: y\r\n" * 20000, (431,))


def bombs(address):
    pour(address, post(gzip.compress(b"[" + b" " * 40 * MIB), GZIP), (413, 503))


def batch_bombs(address):
    body = gzip.compress(b"{}\n" * 10000 + b" " * 60 * MIB)
    pour(address, post(body, GZIP, b"Content-Type: application/x-ndjson", path=b"/api/v1/lineage/batch"), (200, 503))


def values(address):
    pour(address, post(b'{"x":[' + b"1," * 4500000 + b"1]}"), (400, 503))


def depths(address):
    pour(address, post(event(b"flood", b',"x":' + b"[" * MIB)), (400, 503))


def secrets(address):
    """As many stretches that look like secrets as may be in an event, and more."""
    text = b"password=x;" * 90000
    pour(address, post(event(b"flood", b',"x":"' + text + b'"')), (422, 503))


def resets(address):
    """Connections that are gone as soon as they are there, with and without half a request."""
    host, port = address.split(":")
    for number in range(RESETS):
        sock = socket.create_connection((host, int(port)))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if number % 2:
            send(sock, START[: number % len(START)])
        sock.close()


def unread(address):
    """Requests without an end, whose answers nobody reads: who does so is cut off."""
    data = b"GET /nowhere HTTP/1.1\r\nHost: metaops\r\n\r\n" * 20000
    socks = [connect(address) for _ in range(20)]
    end = time.monotonic() + LIMIT_S
    open_ones = set(socks)
    for sock in socks:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
    while open_ones and time.monotonic() < end:
        for sock in list(open_ones):
            try:
                sock.send(data)
            except BlockingIOError:
                pass
            except OSError:
                open_ones.remove(sock)
        time.sleep(0.05)
    check("who does not read is cut off", 0, len(open_ones))
    for sock in socks:
        sock.close()


def idle(address):
    """Every connection that the gateway has, and more; a new client finds a place."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = CONNECTIONS_MAX + 400 if hard == resource.RLIM_INFINITY else min(CONNECTIONS_MAX + 400, hard - SPARE)
    asked = b"GET /nowhere HTTP/1.1\r\nHost: metaops\r\n\r\n"
    socks = []
    for number in range(count):
        sock = connect(address)
        if number % 2:
            send(sock, asked)
        socks.append(sock)
        if number % 32 == 0:
            time.sleep(PAUSE_S)
    print(f"  {count} connections")
    time.sleep(1)
    taken = 0
    for number in range(20):
        with connect(address) as sock:
            send(sock, post(event(b"flood", b',"x":"beside idle ones %d"' % number)))
            taken += answers(sock, 1, quiet_s=0)[0] == (201,)
    check("new clients are served beside all the idle ones", 20, taken)
    for number, sock in enumerate(socks):
        sock.close()
        if number % 32 == 0:
            time.sleep(PAUSE_S)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


FLOODS = [
    ("slow ones", slow),
    ("claims of memory", claims),
    ("memory that is full", full_memory),
    ("heads", heads),
    ("bombs of gzip", bombs),
    ("bombs for the batch", batch_bombs),
    ("values", values),
    ("depths", depths),
    ("secrets", secrets),
    ("resets", resets),
    ("answers nobody reads", unread),
    ("idle connections", idle),
]
