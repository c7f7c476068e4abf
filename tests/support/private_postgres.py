"""private_postgres - a PostgreSQL cluster of the test alone, for what needs a superuser or settings of its own: roles,
TLS. TCP on a free port of 127.0.0.1; the roles of the pipeline exist. Removed at the end.

    with PrivatePostgres() as server:
        os.environ["METAOPS_DSN"] = server.dsn("metaops_owner")      # own_pipeline works there then
"""

import atexit
import copy
import glob
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import own_pipeline
import psycopg
from own_pipeline import free_port

PASSWORD = "correct horse"


def programs():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
    if not found:
        print("no PostgreSQL server is installed")
        sys.exit(77)
    return found[-1]


class PrivatePostgres:
    def __init__(self, settings=(), hba="host all all 127.0.0.1/32 trust\n"):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="metaops-postgres-"))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.port = free_port()
        self.standbys = []
        self.settings = settings
        self.hba = hba
        self.bin = programs()
        self.as_user = []
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
            self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]

    def program(self, name, *words):
        done = subprocess.run([*self.as_user, f"{self.bin}/{name}", *words], cwd="/", capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(f"{name}: {done.stdout}{done.stderr}")

    def give(self, path):
        """A file that the server may read."""
        os.chmod(path, 0o600)
        if self.as_user:
            shutil.chown(path, "postgres", "postgres")

    def __enter__(self):
        self.program("initdb", "-D", str(self.data), "-U", "postgres", "--auth=trust", "--encoding=UTF8",
                     "--locale=C.UTF-8", "--no-sync")
        (self.data / "pg_hba.conf").write_text(f"local all,replication postgres trust\n{self.hba}")
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nfsync = off\n"
                       f"unix_socket_directories = '{self.folder}'\nshared_buffers = 64MB\njit = off\n")
            conf.writelines(f"{line}\n" for line in self.settings)
        self.start()
        self.superuser(f"create role metaops_owner login createdb password '{PASSWORD}'",
                       f"create role metaops_writer login password '{PASSWORD}'",
                       f"create role metaops_reader login password '{PASSWORD}'",
                       "create database metaops owner metaops_owner")
        return self

    def __exit__(self, *_):
        atexit.unregister(own_pipeline.query)  # the template goes with the server
        for server in [*self.standbys, self]:
            server.stop()
        shutil.rmtree(self.folder)

    def start(self):
        self.program("pg_ctl", "-D", str(self.data), "-l", str(self.log), "-w", "start")

    def stop(self):
        """At once, as if the power went; nothing when it does not run."""
        if (self.data / "postmaster.pid").exists():
            self.program("pg_ctl", "-D", str(self.data), "-m", "immediate", "stop")

    def copy(self, folder, *options):
        """A physical copy of the running server's data."""
        self.program("pg_basebackup", "-D", str(folder), "-h", str(self.folder), "-p", str(self.port), "-U", "postgres",
                     "--checkpoint=fast", "--no-sync", *options)

    def put_back(self, folder):
        """The data are what they were when that copy was taken; the copy stays."""
        self.stop()
        shutil.rmtree(self.data)
        subprocess.run(["cp", "-a", folder, self.data], check=True)
        self.start()

    def standby(self):
        """A second server that follows this one asynchronously; it goes with this one."""
        other = copy.copy(self)
        other.data, other.log, other.port = self.folder / "standby", self.folder / "standby.log", free_port()
        self.copy(other.data, "--write-recovery-conf")
        with open(other.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(f"port = {other.port}\n")
        other.start()
        self.standbys.append(other)
        return other

    def promote(self):
        self.program("pg_ctl", "-D", str(self.data), "-w", "promote")

    def superuser(self, *statements, database="postgres"):
        with psycopg.connect(f"host={self.folder} port={self.port} user=postgres dbname={database}",
                             autocommit=True) as connection:
            rows = []
            for statement in statements:
                cursor = connection.execute(statement)
                rows = cursor.fetchall() if cursor.description else []
            return rows

    def dsn(self, role, database="metaops"):
        return f"postgresql://{role}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.port}/{database}"
