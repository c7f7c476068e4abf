"""image.py DOCKERFILE CONTEXT FOLDER - runs the steps of a Dockerfile in folders instead of images (debian_root.sh) and
writes what the image would run, as shell assignments, to FOLDER/config. Knows the instructions that ours uses and stops at
any other, so that nothing of the file goes untried."""
import fnmatch
import glob
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

BASE = "debian:12-slim"
SUPPORT = pathlib.Path(__file__).resolve().parents[2] / "support"


def instructions(path):
    """(word, rest) in order; comments gone, continued lines joined as Docker does."""
    text = "\n".join(line for line in path.read_text().split("\n") if not re.match(r"\s*#", line))
    for line in re.sub(r"\\\n", " ", text).split("\n"):
        if line.strip():
            word, rest = line.strip().split(None, 1)
            yield word.upper(), rest.strip()


def shell(script, *words, **more):
    done = subprocess.run(["bash", "-ec", f". {SUPPORT}/debian_root.sh; {script}", "bash", *map(str, words)], check=False, **more)
    if done.returncode:
        sys.exit(done.returncode if done.returncode == 77 else f"failed ({done.returncode}): {' '.join(map(str, words))[:300]}")


class Stage:
    def __init__(self, folder, name):
        self.root = folder / name
        self.shell = ["/bin/sh", "-c"]
        self.folder = "/"
        self.user = ""
        self.config = {"ENTRYPOINT": [], "CMD": []}
        shell('debian_root_make "$1"', self.root)

    def run(self, command):
        print(f"RUN {command[:110]}", flush=True)
        environment = dict(os.environ, DEBIAN_ROOT_DIR=self.folder, DEBIAN_ROOT_USER=self.user)
        shell('debian_root_run "$@"', self.root, *self.shell, command, env=environment, stdout=subprocess.DEVNULL)

    def inside(self, path):
        return self.root / os.path.join(self.folder, path).lstrip("/")


def context_files(context):
    """Top-level names that .dockerignore lets through; deeper ones are removed by remove_ignored."""
    patterns = (context / ".dockerignore").read_text().split()
    if any(re.search(r"[!\[\]?]|\*\*", pattern) for pattern in patterns):
        sys.exit(".dockerignore has patterns that this test does not know")
    return [name for name in sorted(os.listdir(context)) if not any(fnmatch.fnmatch(name, p) for p in patterns)], patterns


def copy(stage, stages, context, rest):
    words = shlex.split(rest)
    flags = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
    if set(flags) - {"from", "chmod"}:
        sys.exit(f"COPY: unknown flags in {rest}")
    *sources, target = [word for word in words if not word.startswith("--")]
    place = stage.inside(target)
    for source in sources:
        print(f"COPY {source} {target}", flush=True)
        if "from" in flags:
            found = glob.glob(str(stages[flags["from"]].root / source.lstrip("/")))
        elif source == ".":
            names, patterns = context_files(context)
            place.mkdir(parents=True, exist_ok=True)
            for name in names:
                if (context / name).is_dir():
                    shutil.copytree(context / name, place / name, symlinks=True, dirs_exist_ok=True)
                else:
                    shutil.copy(context / name, place / name)
            for pattern in patterns:
                shutil.rmtree(place / pattern, ignore_errors=True)
            continue
        else:
            found = glob.glob(str(context / source))
        if len(found) != 1:
            sys.exit(f"COPY: {source} is {len(found)} files")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(found[0], place)
        if "chmod" in flags:
            place.chmod(int(flags["chmod"], 8))


def main():
    dockerfile, context, folder = (pathlib.Path(word).resolve() for word in sys.argv[1:])
    stages, stage = {}, None
    for word, rest in instructions(dockerfile):
        if word == "FROM":
            match = re.fullmatch(r"(\S+)(?: AS (\w+))?", rest)
            if not match or match[1] != BASE:
                sys.exit(f"FROM {rest}: this test has {BASE} only")
            stage = Stage(folder, match[2] or "final")
            stages[match[2] or "final"] = stage
        elif word == "SHELL":
            stage.shell = json.loads(rest)
        elif word == "WORKDIR":
            stage.folder = rest
            stage.inside(".").mkdir(parents=True, exist_ok=True)
        elif word == "RUN":
            stage.run(rest)
        elif word == "COPY":
            copy(stage, stages, context, rest)
        elif word == "USER":
            stage.user = rest
        elif word in ("ENTRYPOINT", "CMD"):
            stage.config[word] = json.loads(rest)
        elif word not in ("LABEL", "EXPOSE", "STOPSIGNAL"):
            sys.exit(f"{word}: this test does not know what that does")
    final = stages["final"]
    lines = [f"IMAGE_ROOT={shlex.quote(str(final.root))}", f"IMAGE_USER={shlex.quote(final.user)}",
             f"IMAGE_DIR={shlex.quote(final.folder)}"]
    for word, values in final.config.items():
        lines.append(f"IMAGE_{word}=({' '.join(map(shlex.quote, values))})")
    (folder / "config").write_text("\n".join(lines) + "\n")
    if "build" in stages:
        shutil.rmtree(stages["build"].root)


main()
