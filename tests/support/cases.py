"""cases.py FILE... - events, and the tables that they must make, in one file each.

A line that begins with # is a comment, with { an event; < FILE NUMBER... are lines of a file in tests/data.
A line that begins with ? begins a query, which goes on to the next line that begins with = or ?; lines that
begin with = are the rows it must give, in this order. @{random:SEED:LENGTH} is a text of that many characters that
does not compress well, @{fill:LENGTH} one that does, @{new} one that is new in each run of the test.
A line "then" parts what comes first from what is sent, and asked, only when the answers to that are known."""
import pathlib
import random
import re
import sys
import time

import pipeline_client

DATA = pathlib.Path(__file__).parent.parent / "data"
NEW = format(time.time_ns(), "x")


def expand(text):
    def made(match):
        if match[1] == "fill":
            return "x" * int(match[2])
        seed, length = match[2].split(":")
        return "".join(random.Random(int(seed)).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=int(length)))

    return re.sub(r"@\{(random|fill):([0-9:]+)\}", made, text.replace("@{new}", NEW))


def data_lines(name, *numbers):
    lines = (DATA / name).read_bytes().split(b"\n")
    return [lines[int(number) - 1] for number in numbers]


def read_case(path):
    """What is sent and asked in turn: the events, and [name, query, expected rows] of each query."""
    rounds = [([], [])]
    about = path
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        line = line.rstrip("\n")
        events, queries = rounds[-1]
        if line.startswith("#"):
            about = line.lstrip("# ")
        elif line.startswith("{"):
            events.append(expand(line).encode())
        elif line.startswith("<"):
            events += data_lines(*line[1:].split())
        elif line.startswith("?"):
            queries.append([f"{path}:{number}: {about}", line[1:].strip(), []])
        elif line.startswith("="):
            queries[-1][2].append(expand(line[1:].removeprefix(" ")))
        elif line == "then":
            rounds.append(([], []))
        elif line.strip():
            if not queries or queries[-1][2]:
                sys.exit(f"{path}:{number}: neither event nor query nor row")
            queries[-1][1] += "\n" + line
    return rounds


def main():
    cases = [read_case(path) for path in sys.argv[1:]]
    checks = pipeline_client.Checks()
    for turn in range(max(len(rounds) for rounds in cases)):
        current = [rounds[turn] for rounds in cases if turn < len(rounds)]
        pipeline_client.land([event for events, _ in current for event in events])
        for _, queries in current:
            for name, sql, expected in queries:
                checks.table(name, expected, pipeline_client.query(expand(sql)))
    checks.end()


main()
