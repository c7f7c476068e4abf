"""rules.py FILE SETTINGS COMMANDS SECRETS - what we promise of compose.yaml beyond being valid, on the file as a loader
printed it. SETTINGS, COMMANDS and SECRETS are files with the names of METAOPS_* variables, of commands, and of files that
make-secrets makes. Needs PyYAML (JSON is YAML too)."""
import re
import sys

import yaml

LONG_RUNNING = {"gateway", "worker", "alerter", "poll"}
bad = []


def names(path):
    return set(open(path, encoding="utf-8").read().split())


def environment_of(service):
    variables = service.get("environment") or {}
    if isinstance(variables, list):
        variables = dict(item.split("=", 1) for item in variables)
    return variables


def published(port):
    """Address that a port is published on; '' for all."""
    if isinstance(port, dict):
        return port.get("host_ip", "")
    return port.split(":")[0] if port.count(":") == 2 else ""


def check_all(name, service):
    """What holds for others' images too."""
    if "no-new-privileges:true" not in service.get("security_opt", []) or service.get("cap_drop") != ["ALL"]:
        bad.append(f"{name}: has privileges to lose")
    if not service.get("mem_limit") or not service.get("pids_limit"):
        bad.append(f"{name}: no limit of memory or processes")
    if ":" not in service["image"] or service["image"].endswith(":latest"):
        bad.append(f"{name}: the image's version is open")
    if service.get("privileged") or service.get("network_mode") == "host":
        bad.append(f"{name}: is the machine itself")
    for port in service.get("ports", []):
        if published(port) != "127.0.0.1":
            bad.append(f"{name}: a port is open to other machines")
    for key, value in environment_of(service).items():
        if re.search(r"PASSWORD|SECRET|TOKEN|CONNINFO", key) and not key.endswith("_FILE"):
            bad.append(f"{name}: {key} carries a secret in the environment: {value}")


def check_ours(name, service, settings, commands):
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", str(service.get("user", ""))):
        bad.append(f"{name}: runs as {service.get('user', 'root')}")
    if service.get("read_only") is not True:
        bad.append(f"{name}: its root can be written to")
    command = service["command"][0]
    if command not in commands:
        bad.append(f"{name}: there is no command {command}")
    if command in LONG_RUNNING and ("healthcheck" not in service or service.get("restart") != "unless-stopped"):
        bad.append(f"{name}: nobody sees whether it is well")
    if command == "migrate" and service.get("restart") not in ("on-failure", "no"):
        bad.append(f"{name}: a one-shot that is started again and again")
    for key in environment_of(service):
        if key not in settings and key.removesuffix("_FILE") not in settings:
            bad.append(f"{name}: no setting has the variable {key}")


def main():
    project = yaml.safe_load(open(sys.argv[1], encoding="utf-8"))
    settings, commands, secrets = map(names, sys.argv[2:])
    services = project["services"]
    used = set()
    for name, service in services.items():
        check_all(name, service)
        if service["image"].startswith("metaops:"):
            check_ours(name, service, settings, commands)
        for item in service.get("secrets", []):
            used.add(item["source"] if isinstance(item, dict) else item)
    for role in ("gateway", "worker", "kafka", "postgres", "migrate-postgres", "migrate-kafka"):
        if role not in services:
            bad.append(f"there is no service {role}")
    if not used <= secrets or set(project["secrets"]) != used:
        bad.append(f"secrets: used {sorted(used)}, stated {sorted(project['secrets'])}, made {sorted(secrets)}")
    for line in bad:
        print(line)
    return 1 if bad else 0


sys.exit(main())
