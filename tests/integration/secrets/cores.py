"""cores - processes that hold secrets leave no core when they crash, even where nothing limits cores."""

import http.client
import os
import pathlib
import resource
import signal
import subprocess

from checks import check
from own_pipeline import LIMIT_S, PROGRAM, free_port, wait_until

NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def unlimited():
    resource.setrlimit(resource.RLIMIT_CORE, NO_LIMIT)


def dumps_core(words, folder, wait_ready, environment):
    """(it was SIGSEGV that ended it, it left a core)"""
    process = subprocess.Popen(words, cwd=folder, env=environment, preexec_fn=unlimited, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(f"{words[:2]} runs", lambda: process.poll() is not None or wait_ready())
    process.send_signal(signal.SIGSEGV)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = -os.WTERMSIG(status)
    files = list(folder.glob("core*"))
    for file in files:
        file.unlink()
    return os.WTERMSIG(status) == signal.SIGSEGV, os.WCOREDUMP(status) or bool(files)


def listens(port):
    try:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        client.connect()
        client.close()
        return True
    except OSError:
        return False


def try_role(pipe, role, folder):
    port = free_port()
    environment = {**pipe.environment, "METAOPS_INGEST_LISTEN": f"127.0.0.1:{free_port()}",
                   "METAOPS_INGEST_ADMIN_LISTEN": f"127.0.0.1:{port}", "METAOPS_WORKER_ADMIN_LISTEN": f"127.0.0.1:{port}"}
    check(f"{role}: crashes and leaves no core", (True, False),
          dumps_core([PROGRAM, role], folder, lambda: listens(port), environment))


def try_run(pipe, folder):
    """Its command is as it would be without us: with its own limits, and its own core."""
    run = [PROGRAM, "run", "--to", "http://127.0.0.1:1", "--job", "shell/core", "--", "/bin/sh", "-c"]
    began = folder / "began"
    check("metaops run: crashes and leaves no core", (True, False),
          dumps_core([*run, f"touch {began}; exec sleep 3"], folder, began.exists, pipe.environment))
    subprocess.run([*run, "kill -SEGV $$"], cwd=folder, env=pipe.environment, preexec_fn=unlimited,
                   stderr=subprocess.DEVNULL, timeout=LIMIT_S, check=False)
    check("its command that crashes leaves its own", 1, len(list(folder.glob("core*"))))


def try_all(pipe):
    if "ASAN_OPTIONS" in os.environ:
        print("no core was tried: the address sanitizer ends what crashes in its own way")
        return
    folder = pathlib.Path(pipe.folder) / "cores"
    folder.mkdir()
    began = folder / "began-alone"
    try:
        alone = dumps_core(["/bin/sh", "-c", f"touch {began}; exec sleep 60"], folder, began.exists, pipe.environment)
    except subprocess.SubprocessError:
        alone = (False, False)
    if alone != (True, True):
        print("no core was tried: nothing leaves one in its folder here (core_pattern, or a hard limit)")
        return
    for role in ("gateway", "worker"):
        try_role(pipe, role, folder)
    try_run(pipe, folder)
