"""A table loses a column; so do a thousand that are made of it, and some behind those: a receiver gets one message, and one for
each that lost something else or is made of something else."""

import datetime
import json

from checks import check, end
from own_pipeline import Pipeline, wait_until
from receiver import Receiver
from scenarios import at, dataset, facet, fields, openlineage

MARTS = [f"mart_{n}" for n in range(1000)]
TOPS = MARTS[1:20:2]


def today(events):
    """As bytes, dated two hours ago and later."""
    start = datetime.datetime(2026, 1, 5, tzinfo=datetime.timezone.utc)
    shift = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=2) - start
    for event in events:
        line = json.loads(openlineage("fan", event))
        line["eventTime"] = (datetime.datetime.fromisoformat(line["eventTime"]) + shift).isoformat()
        yield json.dumps(line).encode()


def made(minute, source, target, columns, made_of=None):
    """A run that makes columns of a table from another one; made_of: which column of it the last one is."""
    facets = fields(*(f"{column}:int" for column in columns))
    if made_of:
        facets["columnLineage"] = facet(fields={columns[-1]: {"inputFields": [
            {"namespace": "fan", "name": source, "field": made_of}]}})
    return at(minute, job=f"make {target}", inputs=[dataset(source)], outputs=[dataset(target, facets)])


def before():
    """Half of the marts call the column otherwise, and say what it is made of."""
    return [at(1, job="load", outputs=[dataset("raw", fields("id:int", "a:int", "c:int"))]),
            *(made(2, "raw", mart, ["id", f"a_{n}"], "a") if n % 2 == 0 else made(2, "raw", mart, ["id", "a"])
              for n, mart in enumerate(MARTS)),
            *(made(3, mart, f"top_{mart}", ["id", "a"]) for mart in TOPS),
            made(3, "raw", "other", ["id", "a", "b"]), made(3, "nowhere", "apart", ["id", "a"])]


def after():
    return [at(11, job="load", outputs=[dataset("raw", fields("id:int", "c:int"))]),
            *(made(12, "raw", mart, ["id"]) for mart in MARTS), *(made(13, mart, f"top_{mart}", ["id"]) for mart in TOPS),
            made(13, "raw", "other", ["id", "a"]), made(13, "nowhere", "apart", ["id"])]


def main():
    receiver = Receiver()
    with Pipeline("drift-fan", 1) as pipe:
        pipe.worker()
        pipe.emit(list(today(before())))
        pipe.alerter(1, METAOPS_ALERTS_WEBHOOK_URL=receiver.url)
        pipe.emit(list(today(after())))
        pipe.wait_stored(180)
        wait_until("all is judged and told", lambda: not pipe.query(
            "select 1 from graph.drift_subjects where due_in is not null and aspect < 9 union all select 1 from graph.alert_outbox"), 180)
        told = [message.json for message in receiver.messages if message.json["kind"] == "schema"]
        check("one message tells of the cause, and what it does not explain has its own", ["apart", "other", "raw"],
              sorted(alert["name"] for alert in told))
        check("each lost column is an alert", 1000 + len(TOPS) + 3,
              pipe.value("select count(*) from metaops.alerts where kind = 'schema'"))
        check("the symptoms are attached, those of symptoms too", 1000 + len(TOPS),
              pipe.value("select symptoms from metaops.alerts where kind = 'schema' and name = 'raw'"))
    receiver.close()
    end()


main()
