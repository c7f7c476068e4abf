"""wire_client - bytes to a socket as they are, and what answers came back."""

import socket
import time


LIMIT_S = 120  # no measure of speed


def connect(address, timeout_s=LIMIT_S):
    host, port = address.split(":")
    sock = socket.create_connection((host, int(port)), timeout=timeout_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def send(sock, data):
    """As much as the other side wants."""
    try:
        sock.sendall(data)
    except OSError:
        pass


def split_answers(data, is_head):
    """-> statuses of the whole answers, and what is left behind them"""
    statuses = []
    while b"\r\n\r\n" in data:
        head, rest = data.split(b"\r\n\r\n", 1)
        lines = head.split(b"\r\n")
        lengths = [line.split(b":")[1] for line in lines if line.lower().startswith(b"content-length:")]
        length = 0 if is_head or not lengths else int(lengths[0])
        if not lines[0].startswith(b"HTTP/1.") or len(rest) < length:
            break
        statuses.append(int(lines[0].split()[1]))
        data = rest[length:]
    return statuses, data


def answers(sock, count, is_head=False, quiet_s=0.1, timeout_s=LIMIT_S):
    """-> (statuses, is closed, bytes that are no answer). Reads until the end, or until quiet_s after count answers."""
    data, statuses, is_closed = b"", [], False
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        statuses, rest = split_answers(data, is_head)
        sock.settimeout(quiet_s if len(statuses) >= count else end - time.monotonic() + 0.001)
        try:
            got = sock.recv(1 << 16)
        except TimeoutError:
            break
        except OSError:
            is_closed = True
            break
        if not got:
            is_closed = True
            break
        data += got
    statuses, rest = split_answers(data, is_head)
    return tuple(statuses), is_closed, rest
