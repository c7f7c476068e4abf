"""A real MLServer with models of scikit-learn, asked over Kafka and over HTTP; metaops poll reads the topics, the answers over
HTTP come as a proxy passes them on. What it answers, what it leaves unanswered and what is in the graph, against tables made by
hand from what is asked."""

import json

import tools
from checks import check
from mlserver_site import SERVER, MlserverSite
from own_pipeline import Pipeline, wait_until
from polled_topics import PolledTopics, record

# One flower of each kind, and what it is.
SETOSA, VERSICOLOR, VIRGINICA = [5.1, 3.5, 1.4, 0.2], [5.7, 2.8, 4.1, 1.3], [6.7, 3.0, 5.2, 2.3]
KINDS = [0, 1, 2]
# Its answer shows that the server has begun to read. Tables leave this model out.
PROBE = "probe"
IRIS, FIRST_IRIS = {"mlserver-model": "iris"}, {"mlserver-model": "iris", "mlserver-version": "1"}


# Twelve of two flowers, three of the first version, one without an id, of which the server makes one.
ANSWERED = [
    *[record(f"two-{number}", IRIS, [SETOSA, VIRGINICA]) for number in range(12)],
    record("old-0", FIRST_IRIS, [SETOSA]),
    record("old-1", FIRST_IRIS, [VERSICOLOR]),
    record("old-2", FIRST_IRIS, [VIRGINICA]),
    record(None, IRIS, [VERSICOLOR]),
]
PREDICTED = {**{f"two-{number}": [0, 2] for number in range(12)}, **{f"old-{number}": [number] for number in KINDS}}
UNANSWERED = [
    record("two-columns", IRIS, [[1.0, 2.0]]),
    record("a-method", {**IRIS, "mlserver-method": "infer"}, [SETOSA]),
    record("no-version", {**IRIS, "mlserver-version": "9"}, [SETOSA]),
    record("no-model", {"mlserver-model": "nobody"}, [SETOSA]),
]
UNREADABLE = [record("no-header", {}, [SETOSA]), record("no-json", IRIS, [], b"not json")]
# Asked while the server is away.
UNSEEN = [record(f"unseen-{number}", IRIS, [SETOSA]) for number in range(2)]
OVER_HTTP = {"http-0": [SETOSA], "http-1": [VERSICOLOR], "http-2": [VIRGINICA], "http-3": [SETOSA]}

# deployment, endpoint, model, requests, answers, errors, pairs. Requests of iris: 16 answered, 3 that MLServer drops, 2 unseen;
# answers: those 16 and 4 over HTTP. The request without an id has no pair.
WINDOWS = [(SERVER, "iris", "iris", 21, 20, 0, 15), (SERVER, "nobody", "nobody", 1, 0, 0, 0)]
# Requests to which no answer is known, by model: those that MLServer drops or never sees, and the one without an id.
UNMET = [("iris", 6), ("nobody", 1)]
# model, direction, type, shape, tensors, instances
TENSORS = [
    ("iris", "inputs", "FP64", [-1, 2], 1, 1),
    ("iris", "inputs", "FP64", [-1, 4], 20, 32),
    ("iris", "outputs", "INT64", [-1, 1], 20, 32),
    ("nobody", "inputs", "FP64", [-1, 4], 1, 1),
]
# Those of version 1 are the three that ask for it. The last column: answers.
VERSIONS = [("", "iris", "1", "inferred", 3), ("", "iris", "2", "inferred", 17)]


def answers(pipe, topics):
    """(key, predictions) of each answer over Kafka, but the probe's."""
    bodies = [(key.decode(), json.loads(value)) for _, _, key, value in pipe.records(topics.answers)]
    return [(key, body["outputs"][0]["data"]) for key, body in bodies if body["model_name"] != PROBE]


def ask_over_http(site, gateway):
    for (request, rows), kind in zip(OVER_HTTP.items(), [*KINDS, 0]):
        answer = site.pass_on(gateway, "iris", request, rows)
        check(f"{request} is right", [kind], answer["outputs"][0]["data"])
    check("a wrong shape has no answer to pass on", (500, {}), site.ask("iris", "http-wrong", [[1.0, 2.0]])[:2])


def ask(pipe, gateway, topics):
    with MlserverSite(pipe.folder, {"iris": ("1", "2"), PROBE: ("1",)}, topics.names) as site:
        topics.ask_until_answered(record("probe", {"mlserver-model": PROBE}, [SETOSA]))
        # Those that have answers come last: once these are there, none of the others will be answered.
        topics.ask(*UNREADABLE, *UNANSWERED, *ANSWERED)
        wait_until("every good request is answered", lambda: len(answers(pipe, topics)) >= len(ANSWERED))
        ask_over_http(site, gateway)
        site.process.kill()
        topics.ask(*UNSEEN)
    found = answers(pipe, topics)
    check("each good request is answered once, no other one", len(ANSWERED), len(found))
    check("what MLServer predicts", PREDICTED, {key: kinds for key, kinds in found if key in PREDICTED})


def check_graph(pipe):
    but_probe = "from metaops.inference_windows where model <> 'probe'"
    check("windows", WINDOWS, pipe.query(
        "select deployment, endpoint, model, sum(requests)::int, sum(answers)::int, sum(errors)::int, sum(pairs)::int"
        f" {but_probe} group by 1, 2, 3 order by 1, 2, 3"))
    check("requests to which no answer is known", UNMET, pipe.query(
        "select m.name, count(*)::int from graph.inference_pairs p join graph.inference_streams s using (stream_uuid)"
        " join graph.models m using (model_uuid) where p.answer_at is null and m.name <> 'probe' group by 1 order by 1"))
    check("tensors", TENSORS, pipe.query(
        "select model, d.direction, t ->> 'datatype', t -> 'shape', sum((t ->> 'tensors')::int)::int, sum((t ->> 'instances')::int)::int"
        " from metaops.inference_windows cross join lateral (values ('inputs', inputs), ('outputs', outputs)) d (direction, tensors)"
        " cross join lateral jsonb_array_elements(d.tensors) t where model <> 'probe' group by 1, 2, 3, 4 order by 1, 2, 3, 4"))
    check("models, and what asked for one makes it known", [("", "iris", "inferred"), ("", "nobody", "inferred")], pipe.query(
        "select namespace, name, source from metaops.models where name <> 'probe' order by name"))
    check("versions, and how many answers each gave", VERSIONS, pipe.query(
        "select namespace, name, version, source, (select sum(w.answers)::int from graph.inference_versions w"
        " join graph.inference_streams s using (stream_uuid) join graph.models m using (model_uuid)"
        " where m.name = v.name and w.version = v.version) from metaops.model_versions v where name <> 'probe' order by version"))
    check("what serves", [("", SERVER, "inferred")], pipe.query("select namespace, name, source from metaops.deployments"))


def check_letters(pipe, requests):
    check("what names no model, and what is no JSON, with their source", [
        (f"{requests}: 'o' where a value is due that is no JSON", 1, "poll"), (f"{requests}: no header mlserver-model", None, "poll"),
    ], pipe.query('select reason, byte_offset::int, stage from metaops.dead_letters order by reason collate "C"'))


def main():
    with Pipeline("mlserver", partitions=3) as pipe:
        gateway = pipe.gateway()
        pipe.worker()
        topics = PolledTopics(pipe, SERVER)
        pipe.wait_ready()
        ask(pipe, gateway, topics)
        topics.wait_stored()
        check_graph(pipe)
        check_letters(pipe, topics.requests)
        check("an orderly end", 0, topics.role.stop())


tools.run(main)
