"""transport - MetaOpsTransport: what the OpenLineage client for Python calls with each event.

An event is in the spool when emit returns; shipping it is the library's work, in a thread of its
own. Programs that fork for each event and end the child at once (Airflow does) give that thread no
time, so emit waits for the backend's answer as well, at most flush_ms, and not again for
PAUSE_S after an answer did not come in time. What was not shipped then is shipped by the next
emitter with the same spool. Nothing is ever raised into the caller: lineage must not harm a task.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from typing import Any

import attr
from openlineage.client.serde import Serde
from openlineage.client.transport.transport import Config, Transport

from metaops_openlineage.library import EmitFailed, Emitter

log = logging.getLogger(__name__)

# How long emit does not wait for answers after one has not come in time.
PAUSE_S = 30.0

# Names that the client's own HTTP transport has for what the library calls otherwise.
SYNONYMS = {
    "url": "to",
    "apikey": "api_key",
    "cacertpath": "ca_file",
    "clientcertpath": "certificate_file",
    "clientkeypath": "key_file",
}

# What the client adds for itself, or what the library settles alone; and what it does not know.
FOREIGN = ("type", "transports", "compression", "retry")
UNKNOWN = ("verify", "custom_headers", "session", "adapter")


def _settings(params: dict[str, Any]) -> dict[str, str]:
    """Configuration as the client passes it -> the library's keys. Nested ones (auth, sslContext)
    are laid flat; a timeout is in seconds there."""
    settings: dict[str, str] = {}
    for name, value in params.items():
        key = name if name.startswith("rdkafka.") else name.lower()
        if key in FOREIGN or value is None:
            continue
        if key in UNKNOWN:
            log.warning("MetaOps transport: %s is not supported, ignoring", name)
        elif key == "auth":
            settings.update(_auth(value))
        elif key in ("sslcontext", "ssl_context"):
            nested = {k.lower().replace("_", ""): v for k, v in value.items()}
            settings.update({SYNONYMS[k]: _text(k, v) for k, v in nested.items() if k in SYNONYMS})
        elif key == "timeout":
            settings["timeout_ms"] = str(int(float(value) * 1000))
        else:
            settings[SYNONYMS.get(key, key)] = _text(key, value)
    return settings


def _auth(auth: dict[str, Any]) -> dict[str, str]:
    if auth.get("type", "api_key") != "api_key":
        raise ValueError("auth has to be of type api_key")
    found = next((auth[k] for k in ("apiKey", "apikey", "api_key") if auth.get(k)), None)
    return {"api_key": _text("api_key", found)} if found else {}


def _text(key: str, value: Any) -> str:
    text = ("true" if value else "false") if isinstance(value, bool) else str(value).strip()
    if "\n" in text or "\r" in text:
        raise ValueError(f"{key} must not contain a line end")
    return text


@attr.define
class MetaOpsConfig(Config):
    """flush_ms: longest wait for the backend's answer in emit, 0 for none. close_ms: the same when the
    program ends. library: path of libmetaops_emit. settings: the library's own, see metaops_emit.h;
    what is not there it takes from the environment (OPENLINEAGE_URL, OPENLINEAGE_API_KEY)."""

    flush_ms: int = 150
    close_ms: int = 500
    library: str | None = None
    settings: dict[str, str] = attr.field(factory=dict, repr=False)
    fault: str | None = None

    @classmethod
    def from_dict(cls, params: dict[str, Any]) -> MetaOpsConfig:
        """Never raises: what is wrong is told with each event that it keeps from being sent."""
        params = dict(params)
        own = {name: params.pop(name) for name in ("flush_ms", "close_ms", "library") if name in params}
        try:
            waits = {name: max(0, int(own[name])) for name in ("flush_ms", "close_ms") if name in own}
            return cls(library=own.get("library"), settings=_settings(params), **waits)
        except Exception as wrong:
            log.error("MetaOps transport: the configuration is wrong, no event will be sent: %s", wrong)
            return cls(fault=str(wrong))


class MetaOpsTransport(Transport):
    kind = "metaops"
    config_class = MetaOpsConfig

    def __init__(self, config: MetaOpsConfig) -> None:
        self.config = config
        self.not_taken = 0
        self._emitter: Emitter | None = None
        self._wait_after = 0.0
        self._reset_threads()
        _all_made.add(self)

    def emit(self, event: Any) -> None:
        try:
            emitter = self._enter()
            try:
                emitter.emit(Serde.to_json(event).encode())
                self._await_answer(emitter)
            finally:
                self._leave()
        except Exception as failure:
            self.not_taken += 1
            log.error("MetaOps transport: an event is lost (%d so far): %s", self.not_taken, failure)

    def close(self, timeout: float = -1) -> bool:
        """Waits close_ms at most, whatever is asked for, and not for a backend that has just been silent:
        the rest is in the spool (False). An emit that comes later opens the transport again."""
        wait_s = 0.0 if time.monotonic() < self._wait_after else self.config.close_ms / 1000
        if timeout >= 0:
            wait_s = min(timeout, wait_s)
        with self._idle:
            # Its memory must not go while another thread is in the library.
            if not self._idle.wait_for(lambda: self._users == 0, self.config.close_ms / 1000):
                return False
            emitter, self._emitter = self._emitter, None
        return emitter is None or emitter.close(int(wait_s * 1000))

    def stats(self) -> dict[str, int]:
        """The library's counts, see struct metaops_emit_stats; empty before the first event."""
        with self._idle:
            return self._emitter.stats() if self._emitter else {}

    def _enter(self) -> Emitter:
        """Opened by the first event, so that a process that only forks holds nothing."""
        with self._idle:
            if self._emitter is None:
                if self.config.fault:
                    raise EmitFailed(self.config.fault)
                self._emitter = Emitter(self.config.settings, self.config.library)
                if not self._emitter.stats()["is_durable"]:
                    log.warning("MetaOps transport: no spool on disk, unsent events end with the process")
            self._users += 1
            return self._emitter

    def _leave(self) -> None:
        with self._idle:
            self._users -= 1
            self._idle.notify_all()

    def _await_answer(self, emitter: Emitter) -> None:
        if self.config.flush_ms == 0 or time.monotonic() < self._wait_after:
            return
        if not emitter.flush(self.config.flush_ms):
            self._wait_after = time.monotonic() + PAUSE_S
            log.info("MetaOps transport: the event is in the spool, unsent as yet: %s", emitter.last_error())

    def _reset_threads(self) -> None:
        """Also in a child of fork: the lock may belong to a thread that exists in the parent only."""
        self._users = 0
        self._idle = threading.Condition(threading.Lock())


_all_made: weakref.WeakSet[MetaOpsTransport] = weakref.WeakSet()


def _close_all() -> None:
    for transport in list(_all_made):
        try:
            transport.close()
        except Exception as failure:
            log.error("MetaOps transport: %s", failure)


def _reset_all() -> None:
    for transport in list(_all_made):
        transport._reset_threads()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_reset_all)
