"""tools - where the real tools are: virtual environments and jars in the cache, made by ./install."""

import os
import pathlib
import subprocess

import checks

SUPPORT = pathlib.Path(__file__).resolve().parent
ROOT = SUPPORT.parents[2]


class NotRun(Exception):
    """Something cannot be had here; the test says so and counts as not run."""


def run(test, *words):
    """A whole test program: ends with 0 passed, 77 not run, else failed."""
    try:
        test(*words)
    except NotRun as reason:
        print(f"not run: {reason}")
        raise SystemExit(77) from None
    checks.end()


def environment_python(name):
    """Python of the virtual environment with the packages of requirements/NAME.txt."""
    made = subprocess.run(
        [ROOT / "tests/support/venv", SUPPORT / f"requirements/{name}.txt"], stdout=subprocess.PIPE, text=True
    )
    if made.returncode:
        raise NotRun(f"{name} cannot be installed")
    return pathlib.Path(made.stdout.strip())


def spark_jars():
    made = subprocess.run([SUPPORT / "jars"], stdout=subprocess.PIPE, text=True)
    if made.returncode:
        raise NotRun("Spark's jars cannot be had")
    return sorted(str(jar) for jar in pathlib.Path(made.stdout.strip()).glob("*.jar"))


def kubernetes_folder():
    """With kube-apiserver and etcd. To build it takes longer than a test may."""
    made = subprocess.run([SUPPORT / "kubernetes", "--if-made"], capture_output=True, text=True)
    if made.returncode:
        raise NotRun(made.stderr.strip().removeprefix("not run: "))
    return pathlib.Path(made.stdout.strip())


def java_home():
    """A Java that Spark 3.5 knows: 8, 11 or 17."""
    for home in [os.environ.get("JAVA_HOME"), *sorted(pathlib.Path("/usr/lib/jvm").glob("*"))]:
        release = pathlib.Path(home or "/none", "release")
        if release.exists() and any(f'JAVA_VERSION="{v}' in release.read_text() for v in ("17", "11", "1.8")):
            return str(home)
    raise NotRun("no Java of 8, 11 or 17")
