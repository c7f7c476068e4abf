"""Evidence of the events beside this file, each row held against the events as they were sent."""
import hashlib
import json
import pathlib
import re

import pipeline_client


def shown(text):
    """As views show names that PostgreSQL cannot hold."""
    return re.sub("[\x00\ud800-\udfff]", "\ufffd", text)


def resolve(event, pointer):
    """RFC 6901, but for keys that PostgreSQL cannot hold: these are pointed at as they are shown."""
    value = event
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            value = value[int(part)]
        else:
            value = {shown(key): member for key, member in value.items()}[part]
    return value


def quoted(text):
    return "null" if text is None else "'" + text.replace("'", "''") + "'"


def rows(sql):
    return [json.loads(line) for line in pipeline_client.query(f"select row_to_json(r) from ({sql}) r")]


def evidence(*arguments):
    return rows(f"select * from metaops.evidence({', '.join(quoted(each) for each in arguments)})")


def job_of(event):
    job = event.get("job")
    return (shown(job["namespace"]), shown(job["name"])) if job else (None, None)


def datasets_of(event):
    """(pointer, dataset) of everything the event names."""
    if "dataset" in event and "run" not in event and "job" not in event:
        yield "/dataset", event["dataset"]
    for side in ("inputs", "outputs"):
        for number, dataset in enumerate(event.get(side) or []):
            yield f"/{side}/{number}", dataset


def name_of(dataset):
    return shown(dataset["namespace"]), shown(dataset["name"])


def is_whole(row, sent):
    """The row's event is one that was sent, byte for byte, and says the same of itself."""
    body = row["body"].encode()
    event = sent.get(row["event_id"].replace("-", ""))
    return (event is not None and hashlib.sha256(body).hexdigest()[:32] == row["event_id"].replace("-", "")
            and row["producer"] == event["producer"] and row["run_id"] == event.get("run", {}).get("runId")
            and row["principal"] is None
            and row["event_time"].startswith(event["eventTime"].removesuffix("Z"))
            and rows(f"""select true from metaops.events e join metaops.offsets o using (topic, partition)
                         where event_id = '{row["event_id"]}' and topic = {quoted(row["topic"])}
                             and partition = {row["partition"]} and kafka_offset = {row["kafka_offset"]}
                             and kafka_offset < next_offset""") != [])


def check_edges(checks, sent):
    """Places of the dataset, the first in inputs and the first in outputs, of each event of the job."""
    names_of = {("file", "/evidence/t"): "alias", ("ev-hive", "evidence.t"): "alias"}
    edges = rows("select * from metaops.edges where job_namespace = 'evidence'")
    for edge in edges:
        job = edge["job_namespace"], edge["job_name"]
        dataset = edge["dataset_namespace"], edge["dataset_name"]
        same = names_of.get(dataset, dataset)
        expected = set()
        for event_id, event in sent.items():
            seen = set()
            for pointer, named in datasets_of(event):
                side = pointer.split("/")[1]
                if job_of(event) == job and names_of.get(name_of(named), name_of(named)) == same and side not in seen:
                    seen.add(side)
                    expected.add((event_id, pointer))
        found = evidence(*job, *dataset)
        what = f"{job[1]} {edge['direction']} {'/'.join(dataset)}".replace("\ufffd", "?")
        checks.table(f"places of {what}", [str(each) for each in sorted(expected)],
                     [str(each) for each in sorted((row["event_id"].replace("-", ""), row["json_pointer"]) for row in found)])
        checks.true(f"some of {what} is in its {edge['direction']}s",
                    any(row["json_pointer"].startswith(f"/{edge['direction']}s/") for row in found))
        checks.true(f"each place of {what} names it", all(
            names_of.get(name_of(resolve(json.loads(row["body"]), row["json_pointer"])),
                         name_of(resolve(json.loads(row["body"]), row["json_pointer"]))) == same for row in found))
        checks.true(f"whole events for {what}", all(is_whole(row, sent) for row in found))
    return len(edges)


def check_columns(checks, sent):
    lines = rows("""select distinct output_namespace, output_name, output_field, input_namespace, input_name, input_field,
                        job_namespace, job_name
                    from metaops.column_lineage
                    where job_namespace = 'evidence' or output_namespace = 'ev' and output_name = 'view'""")
    for line in lines:
        output = line["output_namespace"], line["output_name"]
        source = line["input_namespace"], line["input_name"], line["input_field"]
        job = line["job_namespace"], line["job_name"]
        # What touches the whole dataset is found from the side of its input.
        asked = (*output, line["output_field"]) if line["output_field"] is not None else source
        found = evidence(*job, *asked)
        entry = "dataset" if line["output_field"] is None else "fields"
        fitting = 0
        for row in found:
            event = json.loads(row["body"])
            fact = resolve(event, row["json_pointer"])
            parts = row["json_pointer"].split("/")
            at = parts.index("columnLineage")
            owner = resolve(event, "/".join(parts[:at - 1]))
            field = parts[at + 2].replace("~1", "/").replace("~0", "~") if parts[at + 1] == "fields" else None
            is_fact = (name_of(fact), shown(fact["field"])) == (source[:2], source[2])
            same_field = field is None if entry == "dataset" else field is not None and shown(field) == line["output_field"]
            fitting += is_fact and same_field and name_of(owner) == output and job_of(event) == job and is_whole(row, sent)
        expected = sum(
            1 for event in sent.values() if job_of(event) == job and says(event, output, line["output_field"], source))
        what = f"{job[1]}: {'/'.join(output)}#{line['output_field']} of {'/'.join(source)}".replace("\ufffd", "?")
        checks.table(f"events for {what!r}", [str(expected)], [str(fitting)])
        checks.true(f"there is one for {what!r}", fitting > 0)
    return len(lines)


def says(event, output, field, source):
    """Whether the event's column lineage has this entry."""
    for _, dataset in datasets_of(event):
        lineage = dataset.get("facets", {}).get("columnLineage", {})
        if name_of(dataset) != output:
            continue
        entries = lineage.get("dataset", []) if field is None else [
            entry for key, value in lineage.get("fields", {}).items() if shown(key) == field
            for entry in value["inputFields"]]
        if any((*name_of(entry), shown(entry["field"])) == source for entry in entries):
            return True
    return False


def main():
    bodies = (pathlib.Path(__file__).parent / "events.jsonl").read_bytes().split(b"\n")[:-1]
    sent = {pipeline_client.event_id(body): json.loads(body) for body in bodies}
    checks = pipeline_client.Checks()
    pipeline_client.land(bodies)
    # By hand, from the events: load reads 2 and writes 2, numbers 1 and 1, odd names 3 and 1, alias 1 and 2 names,
    # twice 1 and 1, declared 1.
    checks.table("edges", ["16"], [str(check_edges(checks, sent))])
    # load 6, odd names 3, alias 1, twice 1, declared 1, the view 1.
    checks.table("column edges", ["13"], [str(check_columns(checks, sent))])
    checks.table("nothing for a job that does not exist", [], evidence("evidence", "nobody", "ev", "raw"))
    checks.table("nothing for a dataset that the job does not name", [], evidence("evidence", "load", "ev", "view"))
    checks.table("bodies come back byte for byte", sorted(sent), sorted(
        event_id for event_id in sent
        if rows(f"select encode(substr(sha256(convert_to(metaops.event_body('{event_id}'), 'UTF8')), 1, 16), 'hex') as id")
        == [{"id": event_id}]))
    checks.end()


main()
