"""objects - what the users of the test make: objects of Kubernetes as kubectl and Seldon's operator would send them."""

import json

SECRET = "hunter2-of-the-database"
OTHER_SECRET = "swordfish-of-the-server"  # no name beside it gives it away
RULES = "rbac.authorization.k8s.io"
MODELS = "mlops.seldon.io"
WATCHED = [("", "pods"), ("apps", "deployments"), ("batch", "jobs"), (MODELS, "models")]


def path(group, resource, namespace=None, name=None, part=None):
    version = {"": "v1", "apps": "v1", "apiextensions.k8s.io": "v1", RULES: "v1", MODELS: "v1alpha1"}[group]
    where = [f"/apis/{group}/{version}" if group else f"/api/{version}"]
    where += ["namespaces", namespace] if namespace else []
    return "/".join([*where, resource, *[word for word in (name, part) if word]])


def named(name, **more):
    return {"metadata": {"name": name}, **more}


def rule(group, resources, verbs):
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


def binding(name, kind, user):
    return named(name, roleRef={"apiGroup": RULES, "kind": kind, "name": name},
                 subjects=[{"apiGroup": RULES, "kind": "User", "name": user}])


def definition():
    """Of models of Seldon Core v2, as far as the API server has to know them."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1alpha1", "served": True, "storage": True, "subresources": {"status": {}},
               "schema": {"openAPIV3Schema": anything | {"properties": {"spec": anything, "status": anything}}}}
    names = {"plural": "models", "singular": "model", "kind": "Model", "listKind": "ModelList"}
    return named(f"models.{MODELS}", spec={"group": MODELS, "scope": "Namespaced", "names": names, "versions": [version]})


def deployment(name, version):
    """As kubectl applies it: all of it stands in its own annotation once more."""
    container = {"name": "mlserver", "image": "seldonio/mlserver:1.7.1", "args": [OTHER_SECRET],
                 "env": [{"name": "DB_PASSWORD", "value": SECRET}, {"name": "GREETING", "value": OTHER_SECRET}]}
    labels = {"app.kubernetes.io/instance": name}
    thing = {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "annotations": {"metaops.io/model-version": f"iris:{version}"}},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels},
                 "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}}}
    thing["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = json.dumps(thing)
    return thing


def model(name, uri):
    return {"apiVersion": f"{MODELS}/v1alpha1", **named(name), "kind": "Model",
            "spec": {"storageUri": uri, "requirements": ["sklearn"]}}


def ready(at):
    return {"status": {"conditions": [{"type": "ModelReady", "status": "True", "lastTransitionTime": at.strftime("%Y-%m-%dT%H:%M:%SZ")}]}}
