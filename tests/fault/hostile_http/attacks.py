"""attacks - hostile requests as the bytes on the wire, each with the answers that it may get.

    (name, answers, bytes)

answers are the statuses in order; the last one closes the connection unless the tuple ends with KEPT. In the
bytes, @@@@ stands for the number of the case. An event "outer" belongs to the attack itself, a "hidden" one to the
request that it tries to smuggle in: none of those may ever be on Kafka. "second" is a request that stands there in
its own right: as many outer and second events as there are answers 201 must be stored. Sources of what is right:
RFC 9110, RFC 9112."""

import gzip
import json
import zlib

KEPT = "kept"
CLOSED = "closed"  # without any answer
CRLF = b"\r\n"
MIB = 1 << 20


def event(marker, more=b""):
    return (b'{"eventTime":"2026-03-01T10:00:00Z","eventType":"OTHER",'
            b'"run":{"runId":"0190a0a0-0000-7000-8000-00000000@@@@"},'
            b'"job":{"namespace":"%s-@@@@","name":"j"}%s}' % (marker, more))  # fmt: skip


def post(body, *lines, path=b"/api/v1/lineage"):
    return b"POST %s HTTP/1.1\r\nHost: metaops\r\n%sContent-Length: %d\r\n\r\n%s" % (
        path, b"".join(line + CRLF for line in lines), len(body), body)  # fmt: skip


OUTER, SECOND, HIDDEN_EVENT = event(b"outer"), event(b"second"), event(b"hidden")
HIDDEN = post(HIDDEN_EVENT)
N = len(HIDDEN)
START = b"POST /api/v1/lineage HTTP/1.1\r\nHost: metaops\r\n"


def head(*lines):
    return START + b"".join(line + CRLF for line in lines) + CRLF


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


CHUNKED = head(b"Transfer-Encoding: chunked")
LAST = b"0\r\n\r\n"
GZIP = b"Content-Encoding: gzip"


def lengths():
    """Where does the body end? The hidden request is body to one reader, and a request to another."""
    for name, lines in (
        ("two lengths, none and all", [b"Content-Length: 0", b"Content-Length: %d" % N]),
        ("two lengths, all and none", [b"Content-Length: %d" % N, b"Content-Length: 0"]),
        ("two equal lengths", [b"Content-Length: %d" % N] * 2),
        ("two lengths far apart", [b"Content-Length: 0", b"X: y", b"X: z", b"content-length: %d" % N]),
        ("a list of lengths", [b"Content-Length: 0, %d" % N]),
        ("a list of equal lengths", [b"Content-Length: %d, %d" % (N, N)]),
        ("a blank before the colon", [b"Content-Length : %d" % N]),
        ("a tab before the colon", [b"Content-Length\t: %d" % N]),
        ("a length with a sign", [b"Content-Length: +%d" % N]),
        ("a negative length", [b"Content-Length: -1"]),
        ("minus nothing", [b"Content-Length: -0"]),
        ("a hexadecimal length", [b"Content-Length: 0x%x" % N]),
        ("two numbers", [b"Content-Length: 0 %d" % N]),
        ("a fraction", [b"Content-Length: %d.0" % N]),
        ("an exponent", [b"Content-Length: 0e%d" % N]),
        ("an underscore in the number", [b"Content-Length: 1_0"]),
        ("no number", [b"Content-Length:"]),
        ("a parameter", [b"Content-Length: %d;" % N]),
        ("a quoted length", [b'Content-Length: "%d"' % N]),
        ("a length that wraps around 2^64", [b"Content-Length: %d" % (2**64)]),
        ("a length that wraps around to all", [b"Content-Length: %d" % (2**64 + N)]),
        ("a length of 400 digits", [b"Content-Length: " + b"0" * 400]),
        ("digits of another script", ["Content-Length: ٠".encode()]),
        ("a vertical tab before the length", [b"Content-Length: \x0b%d" % N]),
        ("a NUL behind the length", [b"Content-Length: 0\0%d" % N]),
        ("a folded length", [b"Content-Length:", b" %d" % N]),
    ):
        yield name, (400,), head(*lines) + HIDDEN
    yield "a length of 2^63 - 1", (413,), head(b"Content-Length: %d" % (2**63 - 1)) + HIDDEN
    yield "a length that wraps around 2^32", (413,), head(b"Content-Length: %d" % (2**32 + N)) + HIDDEN
    yield "one byte more than is taken", (413,), head(b"Content-Length: %d" % (32 * MIB + 1)) + HIDDEN
    for name, lines in (
        ("no length at all", []),
        ("an underscore for the hyphen", [b"Content_Length: %d" % N]),
        ("a byte before the name", [b"xContent-Length: %d" % N]),
    ):
        yield f"a body without a length: {name}", (411,), head(*lines) + HIDDEN
    yield "zeros before the length", (201, KEPT), head(b"Content-Length: %018d" % len(OUTER)) + OUTER


def transfer_codings():
    for name, lines in (
        ("a length before chunked", [b"Content-Length: 5", b"Transfer-Encoding: chunked"]),
        ("a length behind chunked", [b"Transfer-Encoding: chunked", b"Content-Length: %d" % (5 + N)]),
        ("chunked twice", [b"Transfer-Encoding: chunked"] * 2),
        ("chunked in other letters, too", [b"Transfer-Encoding: chunked", b"tRANSFER-eNCODING: identity"]),
        ("a blank before the colon", [b"Transfer-Encoding : chunked"]),
        ("a control byte before the name", [b"\x0bTransfer-Encoding: chunked"]),
        ("a NUL before the name", [b"\0Transfer-Encoding: chunked"]),
        ("a blank before the name", [b" Transfer-Encoding: chunked"]),
        ("a folded value", [b"Transfer-Encoding:", b"\tchunked"]),
        ("a control byte in the value", [b"Transfer-Encoding: \x0bchunked"]),
        ("a NUL behind the value", [b"Transfer-Encoding: chunked\0"]),
        ("behind a bare CR", [b"X: y\rTransfer-Encoding: chunked"]),
        ("behind a bare LF", [b"X: y\nTransfer-Encoding: chunked"]),
    ):
        yield f"transfer coding: {name}", (400,), head(*lines) + LAST + HIDDEN
    for value in (b"gzip", b"identity", b"chunked, identity", b"identity, chunked", b"gzip, chunked",
                  b"chunked, chunked", b"xchunked", b"chunked;q=1", b'"chunked"', b"", b"chun ked", b"cow",
                  b"chunked,", b"\xc2\xa0chunked", b"chunked-not"):  # fmt: skip
        yield f"the transfer coding {value!r}", (501,), head(b"Transfer-Encoding: " + value) + LAST + HIDDEN
    yield "chunked in HTTP/1.0", (400,), (
        b"POST /api/v1/lineage HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + LAST + HIDDEN)
    yield "an underscore for the hyphen of the coding", (411,), head(b"Transfer_Encoding: chunked") + LAST + HIDDEN
    yield "TE is not Transfer-Encoding", (201, KEPT), post(OUTER, b"TE: chunked, trailers")
    yield "Connection names the length", (201, KEPT), post(OUTER, b"Connection: Content-Length")


def chunks():
    abc = b"abc\r\n" + LAST
    for name, bad in (
        ("a size with 0x", b"0x3\r\n" + abc),
        ("a size with a sign", b"+3\r\n" + abc),
        ("minus nothing", b"-0\r\n\r\n"),
        ("minus one", b"-1\r\n" + abc),
        ("a blank before the size", b" 3\r\n" + abc),
        ("a blank behind the size", b"3 \r\n" + abc),
        ("a tab behind the size", b"3\t\r\n" + abc),
        ("junk behind the size", b"3 junk\r\n" + abc),
        ("an extension", b"3;e=1\r\n" + abc),
        ("an extension with an LF", b"3;\n" + abc),
        ("an extension of a megabyte", b"3;" + b"e" * MIB),
        ("no size", b"\r\n" + abc),
        ("a size of letters", b"xyz\r\n" + abc),
        ("a size behind a NUL", b"\x003\r\n" + abc),
        ("an LF behind the size", b"3\nabc\r\n" + LAST),
        ("a CR behind the size", b"3\rabc\r\n" + LAST),
        ("CR CR LF behind the size", b"3\r\r\nabc\r\n" + LAST),
        ("LF CR behind the size", b"3\n\rabc\r\n" + LAST),
        ("only LFs", b"3\nabc\n0\n\n"),
        ("no CR LF behind the data", b"3\r\nabc0\r\n\r\n"),
        ("an LF behind the data", b"3\r\nabc\n" + LAST),
        ("a CR behind the data", b"3\r\nabc\r0\r\n\r\n"),
        ("more data than the size says", b"3\r\nabcd\r\n" + LAST),
        ("less data than the size says", b"5\r\nabc\r\n" + LAST),
        ("a size of 16 digits", b"0000000000000003\r\n" + abc),
        ("a size that wraps around 2^64", b"10000000000000003\r\n" + abc),
        ("a size of a thousand digits", b"0" * 1000),
        ("a trailer", b"0\r\nX: y\r\n\r\n"),
        ("a length as trailer", b"0\r\nContent-Length: %d\r\n\r\n" % N),
        ("a coding as trailer", b"0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("no empty line behind the last", b"0\r\n"),
        ("an LF for the last line", b"0\r\n\n"),
    ):
        yield f"chunks: {name}", (400,), CHUNKED + bad + HIDDEN
    yield "chunks: a size of 2^59", (413,), CHUNKED + b"7ffffffffffffff\r\n" + HIDDEN
    yield "chunks: more than is taken in two", (413,), CHUNKED + chunk(b" ") + b"%x\r\n" % (32 * MIB) + HIDDEN
    whole = event(b"outer", b',"x":"a byte each"')
    yield "chunks: a byte each", (201, KEPT), (
        CHUNKED + b"".join(chunk(whole[i : i + 1]) for i in range(len(whole))) + LAST)
    yield "chunks: a request in a chunk", (400, KEPT), CHUNKED + chunk(HIDDEN) + LAST
    yield "chunks: the next request", (201, 201, KEPT), CHUNKED + chunk(OUTER) + LAST + post(SECOND)
    yield "chunks: upper case and zeros", (201, KEPT), CHUNKED + b"0000%X\r\n%s\r\n000\r\n\r\n" % (len(OUTER), OUTER)


def line_ends():
    whole = post(HIDDEN_EVENT)
    for name, bad in (
        ("bare LFs", whole.replace(CRLF, b"\n")),
        ("a bare LF behind the request line", whole.replace(CRLF, b"\n", 1)),
        ("a bare LF behind a header", START + b"X: y\nContent-Length: 0\r\n\r\n"),
        ("a bare LF for the empty line", START + b"Content-Length: 0\r\n\n"),
        ("bare CRs", whole.replace(CRLF, b"\r")),
        ("a bare CR in a value", head(b"X: a\rb", b"Content-Length: 0")),
        ("CR CR LF", head(b"X: a\r", b"Content-Length: 0")),
        ("LF CR", START + b"X: a\n\rContent-Length: 0\r\n\r\n"),
        ("an empty line in front", CRLF + whole),
        ("an LF in front", b"\n" + whole),
        ("a form feed for a line end", START + b"X: a\x0cContent-Length: 0\r\n\r\n"),
        ("a next line of Unicode", START + "X: a\x85".encode() + b"\x1fY: z\r\nContent-Length: 0\r\n\r\n"),
    ):
        yield f"line ends: {name}", (400,), bad + HIDDEN


def headers():
    for name, lines in (
        ("no colon", [b"X"]),
        ("no name", [b": y"]),
        ("a blank in the name", [b"X Y: z"]),
        ("a folded line", [b"X: y", b" z"]),
        ("a folded line in front", [b" X: y"]),
        ("brackets in the name", [b"X[0]: y"]),
        ("a control byte in the name", [b"X\x01: y"]),
        ("UTF-8 in the name", ["Ä: y".encode()]),
        ("a NUL in the value", [b"X: a\0b"]),
        ("a backspace in the value", [b"X: a\x08b"]),
        ("an escape in the value", [b"X: \x1b[2J"]),
        ("DEL in the value", [b"X: a\x7f"]),
        ("an expectation that is none", [b"Expect: 200-ok"]),
        ("a bad number of an emitter", [b"MetaOps-Emitter: e; epoch=99999999999999999999; seq=1"]),
    ):
        status = (400,) if "emitter" not in name else (400, KEPT)
        hidden = HIDDEN if status == (400,) else b""
        yield f"headers: {name}", status, head(*lines, b"Content-Length: %d" % len(OUTER)) + OUTER + hidden
    yield "headers: 65 of them", (431,), head(*[b"X-%d: y" % i for i in range(65)]) + HIDDEN
    yield "headers: a line of 17 KiB", (431,), head(b"Content-Length: 0", b"X: " + b"y" * 17 * 1024) + HIDDEN
    yield "headers: a name of 17 KiB", (431,), head(b"Content-Length: 0", b"X" * 17 * 1024 + b": y") + HIDDEN
    yield "headers: a megabyte without a line end", (431,), START + b"X: " + b"y" * MIB
    yield "headers: a hundred thousand lines", (431,), START + b"X: y\r\n" * 100000
    yield "headers: an expectation of too much", (413,), head(
        b"Expect: 100-continue", b"Content-Length: %d" % (64 * MIB)) + HIDDEN
    yield "headers: bytes of Latin-1 in a value", (201, KEPT), post(OUTER, b"X: caf\xe9")
    yield "headers: an idempotency key that is no UTF-8", (201, KEPT), post(OUTER, b"Idempotency-Key: \xff\xfe\xc0")
    yield "headers: an idempotency key of 8 KiB", (201, KEPT), post(OUTER, b"Idempotency-Key: " + b"k" * 8192)
    yield "headers: another method by a header", (201, KEPT), post(OUTER, b"X-HTTP-Method-Override: DELETE")
    yield "headers: a wish for HTTP/2", (201, KEPT), post(
        OUTER, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__")
    for name, lines in (
        ("two keys", [b"Authorization: Bearer a", b"Authorization: Bearer b"]),
        ("a key of another kind", [b"Authorization: Basic dTpw"]),
        ("a key of 8 KiB", [b"Authorization: Bearer " + b"k" * 8192]),
        ("a key with bytes above 127", [b"Authorization: Bearer \xff\xff"]),
    ):
        yield f"headers: {name}", (401,), post(OUTER, *lines) + HIDDEN


def hosts():
    def request(*lines, version=b"1.1"):
        return b"POST /api/v1/lineage HTTP/%s\r\n%sContent-Length: 0\r\n\r\n" % (
            version, b"".join(line + CRLF for line in lines))  # fmt: skip

    for name, lines in (
        ("none", []),
        ("two", [b"Host: a", b"Host: b"]),
        ("the same twice", [b"Host: a", b"host: a"]),
        ("empty", [b"Host:"]),
        ("a list", [b"Host: a, b"]),
        ("a path", [b"Host: a/b"]),
        ("a user", [b"Host: a@b"]),
        ("a blank", [b"Host: a b"]),
        ("a NUL", [b"Host: a\0b"]),
        ("a query", [b"Host: a?b"]),
        ("UTF-8", ["Host: ä".encode()]),
        ("a blank before the colon", [b"Host : a"]),
    ):
        yield f"host: {name}", (400,), request(*lines) + HIDDEN
    yield "host: two in HTTP/1.0", (400,), request(b"Host: a", b"Host: b", version=b"1.0") + HIDDEN


def request_lines():
    rest = b"\r\nHost: metaops\r\nContent-Length: 0\r\n\r\n"
    for version in (b"HTTP/0.9", b"HTTP/1.2", b"HTTP/1.9", b"HTTP/2.0", b"HTTP/3.0", b"HTTP/9.9"):
        yield f"version {version.decode()}", (505,), b"POST /api/v1/lineage " + version + rest + HIDDEN
    for version in (b"HTTP/1.10", b"HTTP/01.1", b"HTTP/1.1a", b"HTTP/4294967297.1", b"HTTP/1.4294967297", b"HTTP/1.",
                    b"HTTP/.1", b"HTTP/-1.1", b"HTTP/1,1", b"http/1.1", b"HTTP 1.1", b"HTTP/1.1 ", b"HTTPS/1.1",
                    b"HTTP/1.1\0", b""):  # fmt: skip
        yield f"version {version!r}", (400,), b"POST /api/v1/lineage " + version + rest + HIDDEN
    for name, line in (
        ("no version", b"POST /api/v1/lineage"),
        ("a method alone", b"POST"),
        ("two blanks", b"POST  /api/v1/lineage HTTP/1.1"),
        ("a tab", b"POST\t/api/v1/lineage HTTP/1.1"),
        ("a blank in front", b" POST /api/v1/lineage HTTP/1.1"),
        ("a whole URL", b"POST http://metaops/api/v1/lineage HTTP/1.1"),
        ("a URL of another host", b"POST http://elsewhere/api/v1/lineage HTTP/1.1"),
        ("a way through", b"CONNECT elsewhere:443 HTTP/1.1"),
        ("an asterisk", b"OPTIONS * HTTP/1.1"),
        ("a blank in the target", b"POST /api/v1/lineage x HTTP/1.1"),
        ("a NUL in the target", b"POST /api/v1/lineage\0 HTTP/1.1"),
        ("a fragment", b"POST /api/v1/lineage#x HTTP/1.1"),
        ("UTF-8 in the target", "POST /ä/api/v1/lineage HTTP/1.1".encode()),
        ("a method with brackets", b"P(ST /api/v1/lineage HTTP/1.1"),
        ("a method without end", b"P" * 5000),
        ("a hello of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        ("a hello of SSH", b"SSH-2.0-OpenSSH_9.2"),
    ):
        yield f"request line: {name}", (400,), line + rest + HIDDEN
    yield "request line: a target of 17 KiB", (431,), b"POST /" + b"x" * 17 * 1024 + b" HTTP/1.1" + rest + HIDDEN
    yield "request line: HTTP/2 without asking", (505,), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN


def other_requests():
    """Well formed, but not what is taken here: what stands behind them in the place of a body is none."""
    for name, status, line in (
        ("GET with a body", 405, b"GET /api/v1/lineage HTTP/1.1"),
        ("HEAD with a body", 405, b"HEAD /api/v1/lineage HTTP/1.1"),
        ("DELETE with a body", 405, b"DELETE /api/v1/lineage HTTP/1.1"),
        ("TRACE with a body", 405, b"TRACE /api/v1/lineage HTTP/1.1"),
        ("post in small letters", 405, b"post /api/v1/lineage HTTP/1.1"),
        ("another path", 404, b"POST /api/v1/lineage/ HTTP/1.1"),
        ("a path with a NUL in percent", 404, b"POST /api/v1/lineage%00 HTTP/1.1"),
        ("a path in percent", 404, b"POST /api/v1/%6cineage HTTP/1.1"),
        ("a path upwards", 404, b"POST /api/v1/lineage/../../../etc/passwd HTTP/1.1"),
        ("a path with a backslash", 404, b"POST /api/v1\\lineage HTTP/1.1"),
        ("a path with a parameter", 404, b"POST /api/v1/lineage;x=1 HTTP/1.1"),
        ("the admin's path", 404, b"POST /metrics HTTP/1.1"),
    ):
        yield name, (status,), line + b"\r\nHost: metaops\r\nContent-Length: %d\r\n\r\n" % N + HIDDEN
    yield "behind Connection: close", (201,), post(OUTER, b"Connection: close") + HIDDEN
    yield "behind HTTP/1.0", (201,), post(OUTER).replace(b"HTTP/1.1", b"HTTP/1.0") + HIDDEN
    yield "a request in the body", (400, KEPT), post(HIDDEN)
    yield "a request in a header", (201, KEPT), post(OUTER, b"X: " + HIDDEN.split(CRLF)[0])
    yield "two requests in one piece", (201, 201, KEPT), post(OUTER) + post(SECOND)


def times(body, count):
    return body * count


def bodies():
    """Whatever JSON can be made of; that which is no event is refused, and the connection stays."""
    nested = b',"x":' + times(b"[", 100000) + times(b"]", 100000)
    for name, statuses, body in (
        ("nothing", (400,), b""),
        ("brackets without end", (400,), times(b"[", MIB)),
        ("nested a hundred thousand times", (400,), event(b"hidden", nested)),
        ("nested 129 times", (400,), event(b"hidden", b',"x":' + times(b"[", 128) + times(b"]", 128))),
        ("nested 127 times", (201,), event(b"outer", b',"x":' + times(b"[", 127) + times(b"]", 127))),
        ("objects without end", (400,), times(b'{"a":', 200000)),
        ("five million values", (400,), event(b"hidden", b',"x":[' + times(b"1,", 5000000) + b"1]")),
        ("the key of the namespace twice", (201,),
         event(b"hidden").replace(b'"name":"j"', b'"name":"j","namespace":"outer-@@@@"')),
        ("the same key a hundred thousand times", (201,), event(b"outer", times(b',"a":1', 100000))),
        ("numbers beyond all bounds", (201,),
         event(b"outer", b',"x":[1e400,-1e400,1e-400,1e999999999999,-0,0.' + b"1" * 5000 + b"," + b"9" * 5000 + b"]")),
        ("a number of a megabyte", (201,), event(b"outer", b',"x":' + times(b"9", MIB))),
        ("a string of a megabyte", (201,), event(b"outer", b',"x":"' + times(b"y", MIB) + b'"')),
        ("a name of a megabyte", (201,), event(b"outer", b',"' + times(b"y", MIB) + b'":1')),
        ("a number with a zero in front", (400,), event(b"hidden", b',"x":01')),
        ("a hexadecimal number", (400,), event(b"hidden", b',"x":0x1')),
        ("UTF-8 cut short", (400,), event(b"hidden", b',"x":"\xe4\xb8"')),
        ("UTF-8 cut short at the end", (400,), event(b"hidden")[:-1] + b"\xf0\x9f\x98"),
        ("UTF-8 longer than needed", (400,), event(b"hidden", b',"x":"\xc0\xaf"')),
        ("half a surrogate in UTF-8", (400,), event(b"hidden", b',"x":"\xed\xa0\x80"')),
        ("beyond Unicode", (400,), event(b"hidden", b',"x":"\xf4\x90\x80\x80"')),
        ("half a surrogate as an escape", (201,), event(b"outer", b',"x":"\\ud800"')),
        ("NUL as an escape", (201,), event(b"outer", b',"x":"\\u0000"')),
        ("NUL as a byte", (400,), event(b"hidden", b',"x":"\0"')),
        ("a NUL behind the end", (400,), event(b"hidden") + b"\0"),
        ("UTF-16", (400,), event(b"hidden").decode().encode("utf-16")),
        ("a byte order mark", (400,), b"\xef\xbb\xbf" + event(b"hidden")),
        ("two events", (400,), event(b"hidden") + event(b"hidden")),
        ("a list of events", (422,), b"[" + event(b"hidden") + b"]"),
        ("a comma at the end", (400,), event(b"hidden")[:-1] + b",}"),
        ("a comment", (400,), event(b"hidden") + b"//"),
        ("a string without end", (400,), event(b"hidden", b',"x":"\\')),
        ("a time of the year 300000", (422,), event(b"hidden").replace(b"2026", b"300000")),
        ("a run id of a megabyte", (201,), event(b"outer").replace(b"0190a0a0-", times(b"0", MIB))),
        ("an object for a name", (422,), event(b"hidden").replace(b'"j"', b"{}")),
    ):
        yield f"body: {name}", (*statuses, KEPT), post(body)
    ended = post(HIDDEN_EVENT)
    yield "body: ended too early", (400,), (ended[:-1], "end")
    yield "head: ended too early", (400,), (START, "end")
    yield "nothing but an end", (CLOSED,), (b"", "end")


def codings():
    # Nothing can be put in place of @@@@ there, so these are told apart by something else.
    packed = gzip.compress(OUTER)
    other = event(b"outer", b',"x":1')
    hidden = gzip.compress(HIDDEN_EVENT)
    bomb = gzip.compress(times(b" ", 33 * MIB), 9)
    twice = gzip.compress(gzip.compress(HIDDEN_EVENT))
    for name, statuses, body, lines in (
        ("gzip", (201, KEPT), packed, [GZIP]),
        ("gzip in two members", (201, KEPT), gzip.compress(other[:9]) + gzip.compress(other[9:]), [GZIP]),
        ("gzip in gzip", (400, KEPT), twice, [GZIP]),
        ("gzip named twice", (415,), twice, [b"Content-Encoding: gzip, gzip"]),
        ("gzip in two headers", (415,), twice, [GZIP, GZIP]),
        ("no gzip", (400,), HIDDEN_EVENT, [GZIP]),
        ("an empty body", (400,), b"", [GZIP]),
        ("gzip cut short", (400,), hidden[:-1], [GZIP]),
        ("gzip with a wrong sum", (400,), hidden[:-8] + b"\0\0\0\0" + hidden[-4:], [GZIP]),
        ("gzip with a wrong length", (400,), hidden[:-4] + b"\xff\xff\xff\x7f", [GZIP]),
        ("something behind gzip", (400,), hidden + b"junk", [GZIP]),
        ("zlib for gzip", (400,), zlib.compress(HIDDEN_EVENT), [GZIP]),
        ("deflate", (415,), zlib.compress(HIDDEN_EVENT), [b"Content-Encoding: deflate"]),
        ("br", (415,), HIDDEN_EVENT, [b"Content-Encoding: br"]),
        ("zstd", (415,), HIDDEN_EVENT, [b"Content-Encoding: zstd"]),
        ("a bomb of gzip", (413,), bomb, [GZIP]),
        ("a million empty members", (400, KEPT), times(gzip.compress(b""), 1000000), [GZIP]),
        ("a bomb for the batch", (413,), gzip.compress(times(b" ", 65 * MIB), 9), [GZIP]),
    ):
        path = b"/api/v1/lineage/batch" if "batch" in name else b"/api/v1/lineage"
        yield f"coding: {name}", statuses, post(body, *lines, path=path)
    yield "coding: a bomb in chunks", (413,), head(GZIP, b"Transfer-Encoding: chunked") + chunk(bomb) + LAST


def batches():
    path = b"/api/v1/lineage/batch"
    lines = json.dumps({"a": 1}).encode() + b"\n"
    for name, statuses, body, more in (
        ("neither list nor lines", (400, KEPT), b"7", []),
        ("a list without end", (400, KEPT), b"[" + HIDDEN_EVENT, []),
        ("a list in lists without end", (400, KEPT), times(b"[", MIB), []),
        ("more events than are taken", (413, KEPT), times(lines, 10001), [b"Content-Type: application/x-ndjson"]),
        ("ten thousand that are no events", (200, KEPT), times(lines, 10000), [b"Content-Type: application/x-ndjson"]),
        ("an event and a bad one", (200, KEPT), b"[" + event(b"batch") + b",{}]", []),
    ):
        yield f"batch: {name}", statuses, post(body, *more, path=path)


def attacks():
    """Every case with its number in place."""
    families = (lengths, transfer_codings, chunks, line_ends, headers, hosts, request_lines, other_requests, bodies,
                codings, batches)  # fmt: skip
    number = 0
    for family in families:
        for name, answers, data in family():
            is_ended = isinstance(data, tuple)
            data = (data[0] if is_ended else data).replace(b"@@@@", b"%04d" % number)
            yield number, name, answers, data, is_ended
            number += 1
