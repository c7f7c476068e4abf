"""ports - TCP ports of 127.0.0.1 for what a test starts: from a range of which the kernel gives nothing to clients, and
each for one test process at a time, as long as it lives. A port that is free by chance would be somebody else's, or a
client's, by the time it is taken, or while what listens there is started again.

As a program, ports.py COUNT, it prints so many in a line; they are nobody's afterwards."""

import fcntl
import os
import pathlib
import random
import socket
import sys
import tempfile

FIRST, LAST = 26000, 31999
# A byte of this file, locked, is a port that is taken; the kernel lets go of it when the process ends.
LOCKS = pathlib.Path(tempfile.gettempdir()) / f"metaops-test-ports-{os.getuid()}"
locks = open(LOCKS, "ab")
taken = set()


def is_unused(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def take(port):
    """False when another process of tests has it."""
    try:
        fcntl.lockf(locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        return True
    except OSError:
        return False


def free_port():
    numbers = list(range(FIRST, LAST + 1))
    random.shuffle(numbers)
    for port in numbers:
        if port not in taken and take(port):
            taken.add(port)
            if is_unused(port):
                return port
    raise AssertionError(f"no free port from {FIRST} to {LAST}")


if __name__ == "__main__":
    print(*[free_port() for _ in range(int(sys.argv[1]))])
