"""tool_process - a server of a real tool: its own session, its words in a file, ended with all that it started."""

import os
import signal
import subprocess


class ToolProcess:
    def __init__(self, name, words, folder, environment=None):
        """environment: beside ours, of which nothing that says METAOPS_ gets there."""
        self.name = name
        self.words = [str(word) for word in words]
        self.folder = folder
        self.log = folder / f"{name}.log"
        ours = {key: value for key, value in os.environ.items() if not key.startswith("METAOPS_")}
        self.environment = {**ours, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore", **(environment or {})}
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.words,
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def runs(self):
        return self.process.poll() is None

    def kill(self):
        """At once, with its children."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def stop(self):
        """Orderly, where it can be had."""
        if self.runs():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                print(f"{self.name} does not end")
        self.kill()

    def show_log(self):
        if self.log.exists():
            print(f"--- {self.name}\n{self.log.read_bytes()[-6000:].decode(errors='replace')}")
