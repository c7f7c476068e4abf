"""Audit events and watches that tell of the same writes, one of them less or later than the other: which version was served from
when to when, by hand from what each of them says. An audit event is exact in time; a watched object says its time in whole
seconds, and of a scale none at all. Either may come first."""

import json

from checks import check, end
from fake_kube import FakeKube, line, listed, watched
from own_pipeline import Pipeline, metric, post, wait_until

ANN = "ann@example.org"


def deployment(name, revision, generation, at, replicas=1):
    """As the API server keeps it: a scale leaves its managedFields without a time."""
    return {
        "kind": "Deployment", "apiVersion": "apps/v1", "metadata": {
            "name": name, "namespace": "fraud", "uid": f"uid-{name}", "resourceVersion": str(revision), "generation": generation,
            "creationTimestamp": at, "annotations": {"metaops.io/model-version": f"{name}:2"},
            "managedFields": [{"manager": "kubectl", "operation": "Update", "time": at, "fieldsV1": {}}]},
        "spec": {"replicas": replicas}}


def ending(thing, at):
    thing["metadata"]["deletionTimestamp"] = at
    return thing


def scale(name, revision, replicas):
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "spec": {"replicas": replicas}, "metadata": {
        "name": name, "namespace": "fraud", "uid": f"uid-{name}", "resourceVersion": str(revision)}}


def deleted(name):
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": {
        "name": name, "group": "apps", "kind": "deployments", "uid": f"uid-{name}"}}


def action(verb, name, at, answer, subresource=None):
    ref = {"resource": "deployments", "namespace": "fraud", "name": name, "apiGroup": "apps", "apiVersion": "v1"}
    return {
        "level": "RequestResponse", "auditID": f"{verb}-{name}-{at}", "stage": "ResponseComplete", "verb": verb,
        "user": {"username": ANN}, "sourceIPs": ["127.0.0.1"], "requestReceivedTimestamp": at, "stageTimestamp": at,
        "objectRef": {**ref, **({"subresource": subresource} if subresource else {})},
        "responseStatus": {"code": 201 if verb == "create" else 200}, "responseObject": answer}


FIRST, THIRD, FOURTH = "2026-11-01T10:00:00Z", "2026-11-03T12:00:00Z", "2026-11-04T09:00:00Z"
AUDITED = [
    # Scaled to none three days later, which the watch sees without a time of its own.
    action("create", "scaled", "2026-11-01T10:00:00.250000Z", deployment("scaled", 10, 1, FIRST)),
    action("patch", "scaled", "2026-11-04T09:00:00.500000Z", scale("scaled", 20, 0), "scale"),
    # Deleted, within the second in which the watch saw its last state.
    action("create", "deleted", "2026-11-01T10:00:00.250000Z", deployment("deleted", 11, 1, FIRST)),
    action("delete", "deleted", "2026-11-03T12:00:00.300000Z", deleted("deleted")),
]
WATCHED = [
    line("ADDED", deployment("scaled", 10, 1, FIRST)), line("MODIFIED", deployment("scaled", 20, 2, FIRST, 0)),
    line("ADDED", deployment("deleted", 11, 1, FIRST)), line("MODIFIED", deployment("deleted", 18, 2, THIRD)),
    # Its end is seen before the request is answered.
    line("DELETED", ending(deployment("deleted", 19, 2, FIRST), "2026-11-03T11:59:59Z")),
    # Nobody audits this one: what the watch says is all there is.
    line("ADDED", deployment("unseen", 12, 1, FIRST)), line("MODIFIED", deployment("unseen", 25, 2, FOURTH, 0)),
]
# deployment, from, to, by whom
SERVED = [
    ("deleted", "11-01 10:00:00.250", "11-03 12:00:00.300", ANN),
    ("scaled", "11-01 10:00:00.250", "11-04 09:00:00.500", ANN),
    ("unseen", "11-01 10:00:00.999", "11-04 09:00:00.999", None),
]


def audit(pipe, gateway):
    body = json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": AUDITED}).encode()
    check("200 for the list", 200, post(gateway.url + "/api/v1/kubernetes/audit/prod", body)[0])
    pipe.wait_stored()


def watch(pipe, kube):
    poll = pipe.poll(METAOPS_POLL_KUBERNETES_CLUSTER="prod", METAOPS_POLL_KUBERNETES_URL=kube.url,
                     METAOPS_POLL_KUBERNETES_RESOURCES="deployments")
    pipe.wait_ready()
    wait_until("all is confirmed", lambda: metric(
        poll.admin_url, 'metaops_poll_records_total{result="published"}') == len(WATCHED))
    pipe.wait_stored()
    check("an orderly end", 0, poll.stop())


def graph(name, watch_first):
    kube = FakeKube({"deployments": [listed([], "9"), watched(WATCHED)]})
    try:
        with Pipeline(name, partitions=3) as pipe:
            gateway = pipe.gateway()
            pipe.worker()
            pipe.wait_ready()
            if watch_first:
                watch(pipe, kube)
                audit(pipe, gateway)
            else:
                audit(pipe, gateway)
                watch(pipe, kube)
            check("what was served from when to when, and by whom", SERVED, pipe.query(
                "select deployment, to_char(served_from at time zone 'UTC', 'MM-DD HH24:MI:SS.MS'),"
                " to_char(served_to at time zone 'UTC', 'MM-DD HH24:MI:SS.MS'), changed_by from metaops.served_versions order by 1, 2"))
            check("what is deleted, and since when as the answer says", [("deleted", "11-03 12:00:00.300")], pipe.query(
                "select name, to_char(deleted_at at time zone 'UTC', 'MM-DD HH24:MI:SS.MS') from metaops.k8s_objects"
                " where deleted_at is not null"))
            check("served in between", [("scaled", "2")], pipe.query(
                "select deployment, version from metaops.served_at('fraud', 'scaled', '2026-11-02Z')"))
            check("nothing is a dead letter", 0, pipe.value("select count(*) from metaops.dead_letters"))
            return pipe.checksum()
    finally:
        kube.close()


check("the same graph, whoever told first", graph("audit-first", False), graph("watch-first", True))
end()
