"""Texts that can never be taken: name, status, JSON pointer, text. The sign \u00b6 stands before the byte
of the first fault and is not sent; a member that is missing is missed where its object begins."""

T = '"eventTime":"2026-03-01T10:00:00Z"'
R = '"run":{"runId":"0190a0a0-0000-7000-8000-00000000000a"}'
J = '"job":{"namespace":"n","name":"j"}'
DEEP = 128
POINTER_STEPS = 127  # of two bytes: pointers are cut at 255

REFUSED = [
    ("an empty body", 400, "", "\u00b6"),
    ("white space", 400, "", " \n\u00b6"),
    ("no JSON", 400, "", "\u00b6hello"),
    ("cut short before a value", 400, "", '{"eventTime":\u00b6'),
    ("cut inside a string", 400, "/eventTime", '{"eventTime":"2026\u00b6'),
    ("something behind the object", 400, "", "{%s,%s,%s} \u00b6{}" % (T, R, J)),
    ("a comma too much", 400, "", "{%s,%s,%s,\u00b6}" % (T, R, J)),
    ("single quotes", 400, "", "{\u00b6'eventTime':1}"),
    ("a raw line end in a string", 400, "/producer", '{"producer":"a\u00b6\nb"}'),
    ("no UTF-8", 400, "/a", b'{"a":"' + "\u00b6".encode() + b'\xff"}'),
    ("UTF-8 cut short", 400, "/a", b'{"a":"' + "\u00b6".encode() + b'\xe2\x82"}'),
    ("129 levels of brackets", 400, "/0" * POINTER_STEPS, "[" * DEEP + "\u00b6["),
    ("10,000 levels of brackets", 400, None, "[" * DEEP + "\u00b6" + "[" * 9872),
    ("100,000 levels of objects", 400, None, '{"a":' * DEEP + "\u00b6" + '{"a":' * 99872),
    ("an array", 422, "", "\u00b6[{%s,%s,%s}]" % (T, R, J)),
    ("a string", 422, "", '\u00b6"event"'),
    ("a number", 422, "", "\u00b65"),
    ("null", 422, "", "\u00b6null"),
    ("an empty object", 422, "/eventTime", "\u00b6{}"),
    ("no eventTime", 422, "/eventTime", "\u00b6{%s,%s}" % (R, J)),
    ("eventTime null", 422, "/eventTime", '\u00b6{"eventTime":null,%s,%s}' % (R, J)),
    ("eventTime a number", 422, "/eventTime", '{"eventTime":\u00b61700000000,%s,%s}' % (R, J)),
    ("eventTime empty", 422, "/eventTime", '{"eventTime":\u00b6"",%s,%s}' % (R, J)),
    ("eventTime yesterday", 422, "/eventTime", '{%s,"eventTime":\u00b6"yesterday",%s}' % (R, J)),
    ("eventTime only a date", 422, "/eventTime", '{"eventTime":\u00b6"2026-03-01",%s,%s}' % (R, J)),
    ("eventTime on 30 February", 422, "/eventTime", '{"eventTime":\u00b6"2026-02-30T10:00:00Z",%s,%s}' % (R, J)),
    ("eventTime of year 99999", 422, "/eventTime", '{"eventTime":\u00b6"99999-01-01T00:00:00Z",%s,%s}' % (R, J)),
    ("neither run, job nor dataset", 422, "", "\u00b6{%s}" % T),
    ("a run without a job", 422, "/job", "\u00b6{%s,%s}" % (T, R)),
    ("run no object", 422, "/run", '{%s,"run":\u00b6"x",%s}' % (T, J)),
    ("no runId", 422, "/run/runId", '{%s,"run":\u00b6{},%s}' % (T, J)),
    ("runId empty", 422, "/run/runId", '{%s,"run":{"runId":\u00b6""},%s}' % (T, J)),
    ("runId a number", 422, "/run/runId", '{%s,"run":{"runId":\u00b67},%s}' % (T, J)),
    ("job no object", 422, "/job", '{%s,"job":\u00b6[]}' % T),
    ("no job namespace", 422, "/job/namespace", '{%s,%s,"job":\u00b6{"name":"j"}}' % (T, R)),
    ("no job name", 422, "/job/name", '{%s,"job":\u00b6{"namespace":"n"}}' % T),
    ("job name empty", 422, "/job/name", '{%s,"job":{"namespace":"n","name":\u00b6""}}' % T),
    ("job name null", 422, "/job/name", '{%s,"job":\u00b6{"namespace":"n","name":null}}' % T),
    ("dataset no object", 422, "/dataset", '{%s,"dataset":\u00b61}' % T),
    ("dataset without a name", 422, "/dataset/name", '{%s,"dataset":\u00b6{"namespace":"n"}}' % T),
    ("inputs a string", 422, "/inputs", '{%s,%s,"inputs":\u00b6"t"}' % (T, J)),
    ("an input that is no object", 422, "/inputs/0", '{%s,%s,"inputs":[\u00b6"t"]}' % (T, J)),
    (
        "the second input without a name",
        422,
        "/inputs/1/name",
        '{%s,%s,"inputs":[{"namespace":"n","name":"a"}, \u00b6{"namespace":"n"}]}' % (T, J),
    ),
    (
        "an output with an empty namespace",
        422,
        "/outputs/0/namespace",
        '{%s,%s,"outputs":[{"namespace":\u00b6"","name":"a"}]}' % (T, J),
    ),
    ("facets a list", 422, "/run/facets", '{%s,"run":{"runId":"r","facets":\u00b6[1]},%s}' % (T, J)),
    (
        "the fault behind letters of several bytes",
        422,
        "/job/name",
        '{%s,"producer":"\u00e9\u20ac\U0001f600","job":\u00b6{"namespace":"n"}}' % T,
    ),
    (
        "a pointer with escapes",
        400,
        "/a~1b~0c",
        '{"a/b~c":\u00b6x}',
    ),
]


def texts():
    """name, status, pointer (None: not looked at), offset, body"""
    for name, status, pointer, text in REFUSED:
        marked = text if isinstance(text, bytes) else text.encode()
        offset = marked.index("\u00b6".encode())
        yield name, status, pointer, offset, marked.replace("\u00b6".encode(), b"")
