"""rules.py RENDERED SETTINGS COMMANDS CRD... - what the rendered chart has to be beyond valid: names that are referred to
exist, pods have no privileges, environment variables are settings, and objects of others' kinds fit the definitions (CRD
files) that their makers publish. SETTINGS and COMMANDS are files with names, one a line."""
import re
import sys

import jsonschema
import yaml

SECRETS = {"metaops-postgres", "metaops-admin", "metaops-tls", "metaops-kafka", "metaops-audit",
           "metaops-alerts", "metaops-source"}
bad = []


def strict(schema):
    """The schema with unknown members refused, as a cluster's server-side check does."""
    if isinstance(schema, dict):
        made = {key: strict(value) for key, value in schema.items()}
        if "properties" in made and not made.get("x-kubernetes-preserve-unknown-fields"):
            made.setdefault("additionalProperties", False)
        return made
    return [strict(item) for item in schema] if isinstance(schema, list) else schema


def check_foreign(objects, files):
    definitions = {}
    for path in files:
        crd = yaml.safe_load(open(path, encoding="utf-8"))
        for version in crd["spec"]["versions"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            definitions[f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"]] = schema
    for item in objects:
        if re.match(r"(keda\.sh|monitoring\.coreos\.com)/", item["apiVersion"]):
            schema = definitions.get((item["apiVersion"], item["kind"]))
            if not schema:
                bad.append(f"{item['apiVersion']} {item['kind']}: no definition")
                continue
            for error in jsonschema.Draft7Validator(schema).iter_errors(item):
                bad.append(f"{label(item)}: {'/'.join(map(str, error.path))}: {error.message[:200]}")


def label(item):
    return f"{item['kind']} {item['metadata']['name']}"


def pod_template(item):
    if item["kind"] in ("Deployment", "StatefulSet", "Job"):
        return item["spec"]["template"]
    if item["kind"] == "CronJob":
        return item["spec"]["jobTemplate"]["spec"]["template"]
    return None


def check_security(name, pod, container):
    security = pod["securityContext"]
    if not security["runAsNonRoot"] or security["runAsUser"] == 0 or security["seccompProfile"] != {"type": "RuntimeDefault"}:
        bad.append(f"{name}: pod may be root, or has no seccomp profile")
    own = container["securityContext"]
    if own != {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}:
        bad.append(f"{name}: container has privileges")
    watches = any(one["name"] == "METAOPS_POLL_KUBERNETES_CLUSTER" for one in container.get("env", []))
    if pod["automountServiceAccountToken"] is not watches:
        bad.append(f"{name}: has a token of the API without need, or none")
    if "memory" not in container["resources"].get("limits", {}):
        bad.append(f"{name}: no limit of memory")


def check_pod(item, template, accounts, settings, commands):
    name = label(item)
    pod = template["spec"]
    (container,) = pod["containers"]
    check_security(name, pod, container)
    if pod["serviceAccountName"] not in accounts:
        bad.append(f"{name}: no service account {pod['serviceAccountName']}")
    if container["args"][0] not in commands:
        bad.append(f"{name}: there is no command {container['args'][0]}")
    mounts = [mount["name"] for mount in container["volumeMounts"]]
    if sorted(mounts) != sorted(volume["name"] for volume in pod["volumes"]):
        bad.append(f"{name}: volumes and mounts differ")
    for volume in pod["volumes"]:
        if volume["secret"]["secretName"] not in SECRETS:
            bad.append(f"{name}: unknown secret {volume['secret']['secretName']}")
    seen = set()
    for variable in container["env"]:
        key = variable["name"]
        if key in seen:
            bad.append(f"{name}: {key} twice")
        seen.add(key)
        if not key.startswith("METAOPS_RDKAFKA_") and key not in settings and key.removesuffix("_FILE") not in settings:
            bad.append(f"{name}: no setting has the variable {key}")
        if re.search("PASSWORD|CONNINFO", key) and not key.endswith("_FILE"):
            bad.append(f"{name}: {key} carries a secret in the environment")
        path = variable.get("value", "")
        if path.startswith("/run/secrets/") and not any(path.startswith(m["mountPath"] + "/") for m in container["volumeMounts"]):
            bad.append(f"{name}: {path} is not mounted")
    ports = {port["name"] for port in container.get("ports", [])}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if ports and container[probe]["httpGet"]["port"] not in ports:
            bad.append(f"{name}: {probe} asks no port of its container")


def selects(selector, labels):
    return all(labels.get(key) == value for key, value in selector.items())


def check_selectors(objects, pods):
    for item in objects:
        if item["kind"] in ("Deployment", "StatefulSet"):
            if not selects(item["spec"]["selector"]["matchLabels"], item["spec"]["template"]["metadata"]["labels"]):
                bad.append(f"{label(item)}: selects not its own pods")
            if any("version" in key or "chart" in key for key in item["spec"]["selector"]["matchLabels"]):
                bad.append(f"{label(item)}: the selector, which can't be changed, has a version in it")
        wanted = {"Service": lambda s: s.get("selector"), "PodDisruptionBudget": lambda s: s["selector"]["matchLabels"],
                  "NetworkPolicy": lambda s: s["podSelector"]["matchLabels"]}.get(item["kind"])
        if wanted:
            found = [pod for pod in pods if selects(wanted(item["spec"]), pod["metadata"]["labels"])]
            if not found:
                bad.append(f"{label(item)}: selects no pod")
            for port in item["spec"].get("ports", []) if item["kind"] == "Service" else []:
                names = {p["name"] for pod in found for c in pod["spec"]["containers"] for p in c["ports"]}
                if port["targetPort"] not in names:
                    bad.append(f"{label(item)}: no pod has port {port['targetPort']}")
        if item["kind"] == "ServiceMonitor":
            found = [s for s in objects if s["kind"] == "Service" and
                     selects(item["spec"]["selector"]["matchLabels"], s["metadata"]["labels"])]
            if len(found) != 1 or item["spec"]["endpoints"][0]["port"] not in {p["name"] for p in found[0]["spec"]["ports"]}:
                bad.append(f"{label(item)}: selects {len(found)} services, or none with its port")
        target = item["spec"].get("scaleTargetRef") if "spec" in item else None
        if target and (target["kind"], target["name"]) not in {(o["kind"], o["metadata"]["name"]) for o in objects}:
            bad.append(f"{label(item)}: scales what is not there")


def check_roles(objects):
    by_kind = {}
    for item in objects:
        by_kind.setdefault(item["kind"], []).append(item)
    (worker,) = by_kind["StatefulSet"]
    env = {v["name"]: v for v in worker["spec"]["template"]["spec"]["containers"][0]["env"]}
    if env["METAOPS_WORKER_INSTANCE_ID"].get("valueFrom") != {"fieldRef": {"fieldPath": "metadata.name"}}:
        bad.append("workers: the member id is not the pod's name")
    for item in objects:
        hooks = item["metadata"].get("annotations", {}).get("helm.sh/hook", "")
        if item["kind"] == "Job" and hooks != "pre-install,pre-upgrade":
            bad.append(f"{label(item)}: runs not before the roles")
    autoscaled = {o["spec"]["scaleTargetRef"]["name"] for o in objects if o["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")}
    for item in by_kind["Deployment"] + by_kind["StatefulSet"]:
        if (item["metadata"]["name"] in autoscaled) == ("replicas" in item["spec"]):
            bad.append(f"{label(item)}: two, or nobody, say how many")


def main():
    rendered, settings, commands = sys.argv[1:4]
    objects = [item for item in yaml.safe_load_all(open(rendered, encoding="utf-8")) if item]
    settings, commands = (set(open(path, encoding="utf-8").read().split()) for path in (settings, commands))
    names = [(item["kind"], item["metadata"]["name"]) for item in objects]
    if len(names) != len(set(names)) or len(names) < 12:
        bad.append(f"{len(names)} objects, {len(set(names))} names")
    accounts = {name for kind, name in names if kind == "ServiceAccount"}
    pods = []
    for item in objects:
        template = pod_template(item)
        if template:
            pods.append(template)
            check_pod(item, template, accounts, settings, commands)
    check_selectors(objects, pods)
    check_roles(objects)
    check_foreign(objects, sys.argv[4:])
    for line in bad:
        print(line)
    return 1 if bad else 0


sys.exit(main())
