"""sitecustomize - on the PYTHONPATH of Airflow and dbt: each emit and close of OpenLineageClient writes how long it
took and whether it failed to SHOP_EMITS, one JSON object a line. The configuration of the tools stays the user's."""

import importlib.abc
import importlib.util
import json
import os
import sys
import time

NAME = "openlineage.client.client"


def timed(emit):
    def wrapper(self, event):
        start = time.monotonic()
        failure = None
        try:
            return emit(self, event)
        except Exception as raised:
            failure = type(raised).__name__
            raise
        finally:
            note(event.job.name, start, failure)

    return wrapper


def timed_close(close):
    def wrapper(self, *words, **named):
        start = time.monotonic()
        try:
            return close(self, *words, **named)
        finally:
            note("(close)", start, None)

    return wrapper


def note(job, start, failure):
    line = {"job": job, "seconds": round(time.monotonic() - start, 4), "failure": failure}
    with open(os.environ["SHOP_EMITS"], "a") as emits:
        emits.write(json.dumps(line) + "\n")


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != NAME:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            module.OpenLineageClient.emit = timed(module.OpenLineageClient.emit)
            module.OpenLineageClient.close = timed_close(module.OpenLineageClient.close)

        spec.loader.exec_module = exec_module
        return spec


if os.environ.get("SHOP_EMITS"):
    sys.meta_path.insert(0, Finder())
