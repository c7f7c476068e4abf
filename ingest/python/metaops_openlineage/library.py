"""library - libmetaops_emit by ctypes: where it is found, and its calls as Python sees them.

The contract is the library's header, metaops_emit.h. Every call lets go of the interpreter's lock.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

NAME = "libmetaops_emit.so.1"
STATUS_OK = 0
STATUS_PENDING = 1
REASON_BYTES_MAX = 512


class EmitFailed(Exception):
    """What the library answered, in its own words."""


class Stats(ctypes.Structure):
    """struct metaops_emit_stats as of METAOPS_EMIT_1; a newer library fills this much of it."""

    _fields_ = [
        ("size", ctypes.c_size_t),
        ("accepted", ctypes.c_uint64),
        ("delivered", ctypes.c_uint64),
        ("refused", ctypes.c_uint64),
        ("dropped", ctypes.c_uint64),
        ("not_taken", ctypes.c_uint64),
        ("invalid", ctypes.c_uint64),
        ("adopted", ctypes.c_uint64),
        ("retries", ctypes.c_uint64),
        ("redactions", ctypes.c_uint64),
        ("pending", ctypes.c_uint64),
        ("spool_bytes", ctypes.c_uint64),
        ("is_durable", ctypes.c_uint64),
        ("epoch", ctypes.c_int64),
        ("sequence", ctypes.c_uint64),
    ]


def load(named: str | None = None) -> ctypes.CDLL:
    """The library that is named, by the argument or by METAOPS_EMIT_LIBRARY; else the one inside this
    package; else the system's. OSError when there is none."""
    named = named or os.environ.get("METAOPS_EMIT_LIBRARY")
    bundled = Path(__file__).with_name(NAME)
    library = ctypes.CDLL(named or (str(bundled) if bundled.exists() else NAME), use_errno=False)
    handle, text = ctypes.c_void_p, ctypes.c_char_p
    for name, result, arguments in (
        ("open", ctypes.c_int, [text, ctypes.POINTER(handle), text, ctypes.c_size_t]),
        ("json", ctypes.c_int, [handle, text, ctypes.c_size_t]),
        ("flush", ctypes.c_int, [handle, ctypes.c_int]),
        ("close", ctypes.c_int, [handle, ctypes.c_int]),
        ("last_error", ctypes.c_size_t, [handle, text, ctypes.c_size_t]),
        ("get_stats", ctypes.c_int, [handle, ctypes.POINTER(Stats)]),
        ("status_name", text, [ctypes.c_int]),
        ("version", text, []),
    ):
        function = getattr(library, f"metaops_emit_{name}")
        function.restype = result
        function.argtypes = arguments
    return library


class Emitter:
    """An open emitter. After fork the child may go on with it: the library knows."""

    def __init__(self, settings: dict[str, str], named: str | None = None) -> None:
        self._library = load(named)
        self._handle = ctypes.c_void_p()
        reason = ctypes.create_string_buffer(REASON_BYTES_MAX)
        text = "".join(f"{key} = {value}\n" for key, value in settings.items())
        status = self._library.metaops_emit_open(
            text.encode(), ctypes.byref(self._handle), reason, REASON_BYTES_MAX
        )
        if status != STATUS_OK:
            raise EmitFailed(f"{self._status_name(status)}: {reason.value.decode(errors='replace')}")

    def emit(self, event: bytes) -> None:
        status = self._library.metaops_emit_json(self._handle, event, len(event))
        if status != STATUS_OK:
            raise EmitFailed(f"{self._status_name(status)}: {self.last_error()}")

    def flush(self, timeout_ms: int) -> bool:
        """True: the backend has answered everything emitted so far."""
        return bool(self._library.metaops_emit_flush(self._handle, timeout_ms) == STATUS_OK)

    def close(self, timeout_ms: int) -> bool:
        handle, self._handle = self._handle, ctypes.c_void_p()
        return bool(self._library.metaops_emit_close(handle, timeout_ms) == STATUS_OK)

    def last_error(self) -> str:
        reason = ctypes.create_string_buffer(REASON_BYTES_MAX)
        self._library.metaops_emit_last_error(self._handle, reason, REASON_BYTES_MAX)
        return reason.value.decode(errors="replace")

    def stats(self) -> dict[str, int]:
        stats = Stats(size=ctypes.sizeof(Stats))
        self._library.metaops_emit_get_stats(self._handle, ctypes.byref(stats))
        return {name: getattr(stats, name) for name, _ in Stats._fields_ if name != "size"}

    def _status_name(self, status: int) -> str:
        return str(self._library.metaops_emit_status_name(status).decode())
