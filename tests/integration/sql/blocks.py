"""graph.lz4_inflate against blocks that liblz4 itself made, and graph.body_json against text that jsonb refuses."""

import ctypes
import json
import random

from sqltest import check, end, rows, sql

lz4 = ctypes.CDLL("liblz4.so.1")
lz4.LZ4_createStream.restype = ctypes.c_void_p
lz4.LZ4_loadDict.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
lz4.LZ4_compress_fast_continue.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int,
                                           ctypes.c_int, ctypes.c_int]
lz4.LZ4_freeStream.argtypes = [ctypes.c_void_p]


def block_of(text, dictionary):
    """The dictionary's last 64 KiB are what matches reach."""
    stream = lz4.LZ4_createStream()
    lz4.LZ4_loadDict(stream, dictionary, len(dictionary))
    out = ctypes.create_string_buffer(lz4.LZ4_compressBound(len(text)))
    size = lz4.LZ4_compress_fast_continue(stream, text, out, len(text), len(out), 1)
    lz4.LZ4_freeStream(stream)
    return out.raw[:size]


random.seed(4)
words = [bytes(random.choices(b"abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(200)]


def prose(count):
    return b" ".join(random.choices(words, k=count))


base = prose(900)
cases = {
    "empty": (b"", b""),
    "short literals": (b"abc", b""),
    "overlapping match": (b"a" * 1000 + b"end of it", b""),
    "overlap of three": (b"abc" * 500 + b"0123456789", b""),
    "long literals": (random.randbytes(5000), b""),
    "like its base": (base[:3000] + b"changed" + base[3000:], base),
    "equal to its base": (base, base),
    "base larger than the window": (prose(600) + base[-2000:], prose(20000) + base),
    "larger than a chunk": (prose(120000), base),
    "far and near": (base + random.randbytes(70000) + base, base),
}
for name, (text, dictionary) in cases.items():
    block = block_of(text, dictionary)
    # psql's input has no limit on a literal's length, the command line would.
    got = sql(f"select graph.lz4_inflate('\\x{block.hex()}', '\\x{dictionary.hex()}', {len(text)})"
              f" = '\\x{text.hex()}'::bytea;")
    check(f"lz4 {name}", got, ["t"])

damaged = block_of(base, b"")
for name, block, size in (("cut", damaged[:-9], len(base)), ("wrong size", damaged, len(base) + 1),
                          ("reaching before the start", b"\x10a\xff\xff\x50abcde", 10)):
    got = sql("do $$ begin perform graph.lz4_inflate('\\x%s', '', %d); raise notice 'taken';"
              " exception when data_corrupted or array_subscript_error then null; end $$;"
              " select 'refused';" % (block.hex(), size))
    check(f"lz4 {name}", got, ["refused"])

# Text as sent, and the value it stands for (hand-made; U+FFFD where jsonb has no place).
texts = {
    r'{"a": "x\u0000y"}': {"a": "x\ufffdy"},
    r'{"a": "x\\u0000y"}': {"a": "x\\u0000y"},
    r'{"a": "\ud800z"}': {"a": "\ufffdz"},
    r'{"a": "\udc00\ud83d\ude80\udc00"}': {"a": "\ufffd\U0001f680\ufffd"},
    r'{"a": "\ud800\ud83d\ude80"}': {"a": "\ufffd\U0001f680"},
    r'{"a": [NaN, -Infinity, Infinity, 1]}': {"a": [None, None, None, 1]},
    r'{"NaN": "NaN, \"Infinity\" NaN", "b": NaN}': {"NaN": 'NaN, "Infinity" NaN', "b": None},
    r'{"a": 1e400000, "b": "1e400000"}': {"a": None, "b": "1e400000"},
    r'{"a": 1, "a": 2}': {"a": 2},
}
for text, value in texts.items():
    got = rows(f"select graph.body_json($body${text}$body$) as value")[0]["value"]
    check(f"json {text}", json.dumps(got, sort_keys=True), json.dumps(value, sort_keys=True))
end("blocks")
