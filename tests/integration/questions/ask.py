"""Sends events.jsonl and asks every question; the rows must be those of its .expected, by hand from the events."""
import pathlib

import pipeline_client

STATEMENT_LINES_MAX = 10


def main():
    here = pathlib.Path(__file__).parent
    checks = pipeline_client.Checks()
    pipeline_client.land((here / "events.jsonl").read_bytes().split(b"\n")[:-1])
    questions = sorted(here.glob("*.sql"))
    checks.table("questions", ["12"], [str(len(questions))])
    for path in questions:
        text = path.read_text()
        statement = [line for line in text.splitlines() if not line.startswith("--")]
        checks.true(f"{path.stem}: one statement of at most {STATEMENT_LINES_MAX} lines",
                    len(statement) <= STATEMENT_LINES_MAX and text.count(";") == 1)
        expected = path.with_suffix(".expected").read_text().splitlines()
        checks.table(path.stem, expected, pipeline_client.query(text, header=True))
    checks.end()


main()
