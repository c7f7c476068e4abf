"""neighbour.py ADDRESS - a good client in a process of its own, so that attackers do not take its time: on each of a few
kept connections an event each period, until its input ends. Prints a line each at once: the connection, when it was due
(monotonic, s), how long after that the answer was there (ms), status; 0 for an answer that never came. What was due while an answer was
waited for counts as waiting for it, too; else one long wait would be one of many short ones."""

import http.client
import json
import sys
import threading
import time

CONNECTIONS = 4
PERIOD_S = 0.025


def body(who, number):
    return json.dumps({
        "eventTime": "2026-03-01T10:00:00Z", "eventType": "OTHER",
        "run": {"runId": f"0190a0a0-0000-7000-800{who}-{number:012x}"},
        "job": {"namespace": "neighbour", "name": f"job-{who}"},
        "inputs": [{"namespace": "neighbour", "name": f"table-{number % 10}"}],
    })  # fmt: skip


def work(address, who, is_over):
    connection = http.client.HTTPConnection(address, timeout=120)
    due = time.monotonic() + PERIOD_S * who / CONNECTIONS
    number = 0
    while not is_over.wait(max(0, due - time.monotonic())):
        number += 1
        try:
            connection.request("POST", "/api/v1/lineage", body(who, number))
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException):
            connection.close()
            status = 0
        now, lines = time.monotonic(), ""
        while due < now:
            lines += f"{who} {due:.6f} {(now - due) * 1000:.3f} {status}\n"
            due += PERIOD_S
        sys.stdout.write(lines)
        sys.stdout.flush()


def main():
    is_over = threading.Event()
    workers = [threading.Thread(target=work, args=(sys.argv[1], who, is_over)) for who in range(CONNECTIONS)]
    for each in workers:
        each.start()
    sys.stdin.read()
    is_over.set()
    for each in workers:
        each.join()


if __name__ == "__main__":
    main()
