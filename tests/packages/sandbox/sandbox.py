"""sandbox.py UNIT COMMAND... - becomes the command, with the system calls that a systemd unit leaves it: SystemCallFilter=,
SystemCallErrorNumber=, RestrictAddressFamilies=, RestrictNamespaces= and MemoryDenyWriteExecute= as systemd turns them into
a filter of the kernel. For trying a unit where no systemd runs. Needs python3-seccomp and systemd-analyze."""
import ctypes
import errno
import os
import re
import socket
import subprocess
import sys

import seccomp

PROT_WRITE, PROT_EXEC = 2, 4
# CLONE_NEWTIME, NS, CGROUP, UTS, IPC, USER, PID, NET
NAMESPACES = 0x80 | 0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000
PR_SET_NO_NEW_PRIVS = 38


def unit_values(path, key):
    return [line.split("=", 1)[1].strip() for line in open(path, encoding="utf-8") if line.startswith(key + "=")]


def group(name):
    """The calls of a group, those of groups in it too."""
    if not name.startswith("@"):
        return {name}
    text = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter", name], check=True, capture_output=True, text=True).stdout
    calls = set()
    for word in re.findall(r"^    ([@\w-]+)$", text, re.M):
        calls |= group(word)
    return calls


def allowed_calls(unit):
    calls = set()
    for number, value in enumerate(unit_values(unit, "SystemCallFilter")):
        taken = set().union(*(group(name) for name in value.lstrip("~").split()))
        if number == 0 and value.startswith("~"):
            sys.exit("a filter that begins with what is forbidden is not known here")
        calls = calls - taken if value.startswith("~") else calls | taken
    # What systemd lets through always, to be able to start anything.
    return calls | group("@default") | {"execve", "execveat"}


def arguments(unit, call):
    """Ways in which a call may be made; None: in every."""
    equal, masked = seccomp.EQ, seccomp.MASKED_EQ
    if call in ("mmap", "mmap2") and unit_values(unit, "MemoryDenyWriteExecute") == ["yes"]:
        both = PROT_WRITE | PROT_EXEC
        return [[seccomp.Arg(2, masked, both, way)] for way in (0, PROT_WRITE, PROT_EXEC)]
    if call in ("mprotect", "pkey_mprotect") and unit_values(unit, "MemoryDenyWriteExecute") == ["yes"]:
        return [[seccomp.Arg(2, masked, PROT_EXEC, 0)]]
    if call == "socket":
        families = " ".join(unit_values(unit, "RestrictAddressFamilies")).split()
        return [[seccomp.Arg(0, equal, int(getattr(socket, family)))] for family in families]
    if call in ("clone", "unshare") and unit_values(unit, "RestrictNamespaces") == ["yes"]:
        return [[seccomp.Arg(0, masked, NAMESPACES, 0)]]
    return None


def main():
    unit, command = sys.argv[1], sys.argv[2:]
    (name,) = unit_values(unit, "SystemCallErrorNumber")
    seen = seccomp.SyscallFilter(seccomp.ERRNO(getattr(errno, name)))
    for call in sorted(allowed_calls(unit)):
        try:
            number = seccomp.resolve_syscall(seccomp.Arch(), call)
        except ValueError:
            continue
        if number < 0 or call == "clone3":
            continue
        ways = arguments(unit, call)
        for way in [[]] if ways is None else ways:
            seen.add_rule(seccomp.ALLOW, number, *way)
    # As systemd does: its flags lie in memory that no filter can read; libc goes on with clone.
    seen.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    if ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        sys.exit("no_new_privs could not be set")
    seen.load()
    os.execvp(command[0], command)


main()
