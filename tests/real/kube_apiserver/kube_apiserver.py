"""A real kube-apiserver: what its audit webhook sends, over https with a key, and what metaops poll watches, while users change
objects or are refused, against tables made by hand from what they do. Poll is away for a while; the server is killed; what
vanishes while nobody looks is found by the list that the server then demands. No secret reaches Kafka; the same records in another
order, twice, are the same graph."""

import datetime
import pathlib
import random

import objects
import tools
from authority import Authority
from avro_records import read_body, read_event
from checks import check
from kube_site import KubeSite, Webhook
from objects import MODELS, OTHER_SECRET, RULES, SECRET, WATCHED, path
from own_pipeline import Pipeline, metric, wait_until

HERE = pathlib.Path(__file__).resolve().parent
JANE, CI, OPERATOR, POLL = "jane@example.org", "ci-deployer", "system:serviceaccount:seldon:operator", "metaops-poll"
USERS = [(JANE, ["system:masters"]), (CI, []), (OPERATOR, []), (POLL, [])]
CLUSTER = "real"

# How each is called below; actor, verb, resource, subresource, namespace, name, code, decision
SETUP = [
    ("namespace fraud", JANE, "create", "namespaces", None, None, "fraud", 201, "allow"),
    ("namespace payments", JANE, "create", "namespaces", None, None, "payments", 201, "allow"),
    ("definition", JANE, "create", "customresourcedefinitions", None, None, "models.mlops.seldon.io", 201, "allow"),
    ("role of ci", JANE, "create", "roles", None, "fraud", "ci", 201, "allow"),
    ("ci has it", JANE, "create", "rolebindings", None, "fraud", "ci", 201, "allow"),
    ("role of operator", JANE, "create", "clusterroles", None, None, "operator", 201, "allow"),
    ("operator has it", JANE, "create", "clusterrolebindings", None, None, "operator", 201, "allow"),
    ("role of poll", JANE, "create", "clusterroles", None, None, "poll", 201, "allow"),
    ("poll has it", JANE, "create", "clusterrolebindings", None, None, "poll", 201, "allow"),
]
FIRST = [("server 2", CI, "create", "deployments", None, "fraud", "iris-server", 201, "allow")]
# Of what is refused before its body is read, nobody knows how it was to be called.
SEEN_AS_DONE = [
    ("old 1", CI, "create", "deployments", None, "fraud", "old-server", 201, "allow"),
    ("model 2", CI, "create", "models", None, "fraud", "iris", 201, "allow"),
    ("ready", OPERATOR, "patch", "models", "status", "fraud", "iris", 200, "allow"),
    ("model 3", JANE, "patch", "models", None, "fraud", "iris", 200, "allow"),
    ("scale 3", JANE, "patch", "deployments", "scale", "fraud", "iris-server", 200, "allow"),
    ("old gone", JANE, "delete", "deployments", None, "fraud", "old-server", 200, "allow"),
    ("stray", CI, "create", "deployments", None, "payments", None, 403, "forbid"),
    ("strays scale", CI, "patch", "deployments", "scale", "payments", "ledger", 403, "forbid"),
    ("stray model", CI, "delete", "models", None, "payments", "iris", 403, "forbid"),
    ("no such", CI, "delete", "models", None, "fraud", "nobody", 404, "allow"),
]
UNSEEN = [("model 4", JANE, "patch", "models", None, "fraud", "iris", 200, "allow")]
AFTER = [
    ("scale 0", JANE, "patch", "deployments", "scale", "fraud", "iris-server", 200, "allow"),
    ("model 5", CI, "patch", "models", None, "fraud", "iris", 200, "allow"),
]
ACTIONS = SETUP + FIRST + SEEN_AS_DONE + UNSEEN + AFTER
# States that watches tell: of iris-server two, of old-server one and its end, of the model three; then what was not seen as it came; then
# one of each, and the model's end.
SEEN_FIRST = 2 + 2 + 3
SEEN_LATE = SEEN_FIRST + 1
SEEN_AGAIN = SEEN_LATE + 2
SEEN = SEEN_AGAIN + 1

# deployment, kind, model, version, artifact, from, to, changed by
SERVED = [
    ("iris", "Model", "iris", None, "s3://models/iris/2", "model 2", "model 3", CI),
    ("iris", "Model", "iris", None, "s3://models/iris/3", "model 3", "model 4", JANE),
    ("iris", "Model", "iris", None, "s3://models/iris/4", "model 4", "model 5", JANE),
    ("iris", "Model", "iris", None, "s3://models/iris/5", "model 5", "vanished", CI),
    ("iris-server", "Deployment", "iris", "2", None, "server 2", "scale 0", CI),
    ("old-server", "Deployment", "iris", "1", None, "old 1", "old gone", CI),
]
# kind, name, generation, artifact, version, is it deleted; a watch may see the end of an object before the request is answered
OBJECTS = [
    ("Deployment", "iris-server", 3, None, "2", False),
    ("Deployment", "old-server", 1, None, "1", True),
    ("Model", "iris", 4, "s3://models/iris/5", None, True),
]
# kind, name, version, artifact, state, is it still so
STATES = [
    ("Deployment", "iris-server", "2", None, "UNKNOWN", True),
    ("Deployment", "old-server", "1", None, "UNKNOWN", False),
    ("Deployment", "old-server", "1", None, "GONE", True),
    ("Model", "iris", None, "s3://models/iris/2", "UNKNOWN", False),
    ("Model", "iris", None, "s3://models/iris/2", "READY", False),
    ("Model", "iris", None, "s3://models/iris/3", "READY", False),
    ("Model", "iris", None, "s3://models/iris/4", "READY", False),
    ("Model", "iris", None, "s3://models/iris/5", "READY", False),
    ("Model", "iris", None, "s3://models/iris/5", "GONE", True),
]


def storage(number):
    return {"spec": {"storageUri": f"s3://models/iris/{number}"}}


def requests():
    """How it is called: method, path, body."""
    cluster_roles, cluster_bindings = path(RULES, "clusterroles"), path(RULES, "clusterrolebindings")
    deployments = path("apps", "deployments", "fraud")
    models, iris = path(MODELS, "models", "fraud"), path(MODELS, "models", "fraud", "iris")
    scale = path("apps", "deployments", "fraud", "iris-server", "scale")
    every = ["get", "create", "patch", "delete"]
    may_see = [objects.rule(group, [resource], ["get", "list", "watch"]) for group, resource in WATCHED]
    may_deploy = [objects.rule("apps", ["deployments", "deployments/scale"], every), objects.rule(MODELS, ["models"], every)]
    return {
        "namespace fraud": ("POST", path("", "namespaces"), objects.named("fraud")),
        "namespace payments": ("POST", path("", "namespaces"), objects.named("payments")),
        "definition": ("POST", path("apiextensions.k8s.io", "customresourcedefinitions"), objects.definition()),
        "role of ci": ("POST", path(RULES, "roles", "fraud"), objects.named("ci", rules=may_deploy)),
        "ci has it": ("POST", path(RULES, "rolebindings", "fraud"), objects.binding("ci", "Role", CI)),
        "role of operator": ("POST", cluster_roles, objects.named("operator", rules=[objects.rule(MODELS, ["models/status"], ["patch"])])),
        "operator has it": ("POST", cluster_bindings, objects.binding("operator", "ClusterRole", OPERATOR)),
        "role of poll": ("POST", cluster_roles, objects.named("poll", rules=may_see)),
        "poll has it": ("POST", cluster_bindings, objects.binding("poll", "ClusterRole", POLL)),
        "server 2": ("POST", deployments, objects.deployment("iris-server", 2)),
        "old 1": ("POST", deployments, objects.deployment("old-server", 1)),
        "model 2": ("POST", models, objects.model("iris", "s3://models/iris/2")),
        "ready": ("PATCH", f"{iris}/status", objects.ready(datetime.datetime.now(datetime.timezone.utc))),
        "model 3": ("PATCH", iris, storage(3)),
        "scale 3": ("PATCH", scale, {"spec": {"replicas": 3}}),
        "old gone": ("DELETE", path("apps", "deployments", "fraud", "old-server"), None),
        "stray": ("POST", path("apps", "deployments", "payments"), objects.deployment("stray", 1)),
        "strays scale": ("PATCH", path("apps", "deployments", "payments", "ledger", "scale"), {"spec": {"replicas": 0}}),
        "stray model": ("DELETE", path(MODELS, "models", "payments", "iris"), None),
        "no such": ("DELETE", path(MODELS, "models", "fraud", "nobody"), None),
        "model 4": ("PATCH", iris, storage(4)),
        "scale 0": ("PATCH", scale, {"spec": {"replicas": 0}}),
        "model 5": ("PATCH", iris, storage(5)),
    }


class Story:
    """One act after the other, each told by the audit webhook before the next part begins."""

    def __init__(self, pipe, site):
        self.pipe, self.site = pipe, site
        self.told = 0

    def act(self, rows):
        for what, actor, *_, code, _ in rows:
            status, answer = self.site.call(actor, *requests()[what])
            check(f"{what}: the server's answer", code, status)
            if status != code:
                print(answer)
        self.told += len(rows)
        wait_until("the webhook tells of all of it", lambda: self.actions() >= self.told)

    def actions(self):
        return self.pipe.value("select count(*) from graph.actions")

    def wait_seen(self, count):
        wait_until(f"{count} states are watched", lambda: self.pipe.value(
            "select count(*) from graph.k8s_states where is_watched") >= count)


class Watcher:
    """metaops poll, one life after the other."""

    def __init__(self, pipe, site):
        self.pipe, self.site = pipe, site
        self.lives = 0
        self.role = None

    def start(self):
        self.lives += 1
        self.role = self.pipe.poll(
            self.lives, METAOPS_POLL_KUBERNETES_CLUSTER=CLUSTER, METAOPS_POLL_KUBERNETES_URL=self.site.url,
            METAOPS_POLL_KUBERNETES_TOKEN_FILE=str(self.site.token_file(POLL)), METAOPS_POLL_KUBERNETES_CA_FILE=str(self.site.ca_file),
            METAOPS_POLL_KUBERNETES_RESOURCES=",".join(resource for _, resource in WATCHED))
        self.pipe.wait_ready([self.role])
        self.wait_open()

    def sample(self, name):
        return metric(self.role.admin_url, name)

    def wait_open(self):
        wait_until("all is watched", lambda: self.sample("metaops_poll_watches") == len(WATCHED))

    def wait_closed(self):
        wait_until("the watches are seen to have ended", lambda: self.sample("metaops_poll_watches") == 0)

    def stop(self):
        check("an orderly end of poll", 0, self.role.stop())


def prepare(story):
    story.act(SETUP)
    models = path(MODELS, "models", "fraud")
    wait_until("models are served", lambda: story.site.ask(CI, "GET", f"{models}/iris")[0] == 404
               and story.site.ask(JANE, "GET", models)[0] == 200)
    wait_until("poll may see them", lambda: story.site.ask(POLL, "GET", path(MODELS, "models"))[0] == 200)


def watched(story, poll):
    story.act(FIRST)
    poll.start()
    story.act(SEEN_AS_DONE)
    story.wait_seen(SEEN_FIRST)


def while_poll_is_away(story, poll):
    poll.stop()
    story.act(UNSEEN)
    poll.start()
    story.wait_seen(SEEN_LATE)


def server_killed(story, poll):
    """The watches go on behind what they told."""
    lists = poll.sample("metaops_poll_lists_total")
    story.site.process.kill()
    poll.wait_closed()
    story.site.start()
    poll.wait_open()
    story.act(AFTER)
    story.wait_seen(SEEN_AGAIN)
    check("no list was needed", lists, poll.sample("metaops_poll_lists_total"))


def vanished(story, poll):
    """Nobody tells that the model goes, and from where the watches were nothing is known any more: 410."""
    lists = poll.sample("metaops_poll_lists_total")
    story.site.process.kill()
    poll.wait_closed()
    check("the model is removed behind the server's back", 1, story.site.etcd.remove("/registry/mlops.seldon.io/models/fraud/iris"))
    story.site.etcd.forget()
    story.site.start()
    story.wait_seen(SEEN)
    poll.wait_open()
    check("each is listed anew", True, poll.sample("metaops_poll_lists_total") >= lists + len(WATCHED))


def labels(pipe):
    """{time: how the act is called}, from the acts in the order in which the server got them."""
    rows = pipe.query("select event_time from metaops.actions order by requested_at")
    return dict(zip([at for at, in rows], [row[0] for row in ACTIONS]))


def check_actions(pipe, names):
    check("who did what, and who was refused", [row[1:] for row in ACTIONS], pipe.query(
        "select actor, verb, resource, subresource, namespace, name, code, decision from metaops.actions order by requested_at"))
    check("from where, on behalf of nobody", [(CLUSTER, "ResponseComplete", "127.0.0.1", None)], pipe.query(
        "select distinct cluster, stage, source_ip, on_behalf_of from metaops.actions"))
    check("actors", [(CI, "user", 8, 3), (JANE, "user", 14, 0), (OPERATOR, "service account", 1, 0)], pipe.query(
        'select actor, kind, actions, refused from metaops.actors order by actor collate "C"'))
    changes = pipe.query("select event_time, actor from metaops.who_changed('Model', 'fraud', 'iris')")
    expected = [("model 5", CI), ("model 4", JANE), ("model 3", JANE), ("ready", OPERATOR), ("model 2", CI)]
    check("who changed the model, newest first", expected, [(names.get(at), actor) for at, actor in changes])
    check("who tried what in another namespace", [("strays scale", CI, 403, "forbid"), ("stray", CI, 403, "forbid")], [
        (names.get(at), *rest) for at, *rest in pipe.query(
            "select event_time, actor, code, decision from metaops.who_changed('Deployment', 'payments')")])


def check_served(pipe, names):
    def name(at):
        return names.get(at, "vanished") if at else None

    served = pipe.query("select deployment, kind, model, version, artifact_uri, served_from, served_to, changed_by"
                        " from metaops.served_versions order by deployment, served_from")
    check("what was served from when to when, told by whom", SERVED, [(*row[:5], name(row[5]), name(row[6]), row[7]) for row in served])
    check("each by the request that changed it", len(SERVED), pipe.value(
        "select count(*) from metaops.served_versions s join metaops.actions a using (audit_id) where a.event_time = s.served_from"))
    check("objects, as they were last", OBJECTS, pipe.query(
        "select kind, name, generation::int, artifact_uri, model_version, deleted_at is not null from metaops.k8s_objects"
        " where kind in ('Deployment', 'Model') order by kind, name"))
    check("states, as they were watched", STATES, pipe.query(
        "select kind, deployment, version, artifact_uri, state, until is null from metaops.deployment_states"
        " order by kind, deployment, artifact_uri, state = 'GONE', state = 'READY'"))


def check_graph(pipe, keys_made=0):
    """keys_made: what is told of keys has an id, too."""
    names = labels(pipe)
    check_actions(pipe, names)
    check_served(pipe, names)
    check("each request and each state once, no event, no letter", [(len(ACTIONS) + SEEN + keys_made, 0, 0)], pipe.query(
        "select (select count(*) from graph.event_ids), (select count(*) from metaops.events), (select count(*) from metaops.dead_letters)"))


def check_secrets(records):
    secrets = [word.encode() for word in (SECRET, OTHER_SECRET)]
    check("no secret is on the topic", [], [value for _, value in records for word in secrets if word in value or word in read_body(value)])
    check("though deployments are", True, any(b"DB_PASSWORD" in read_body(value) for _, value in records))


def check_principals(records, webhook):
    told = [read_event(value) for _, value in records]
    check("audit events came with the cluster's key", {webhook.token.split("_")[1]}, {
        one["principal"] for one in told if one["format"] == "kubernetes_audit"})


def open_door(pipe):
    """A gateway that lets in who has a key, and one that is good for this cluster alone."""
    key = pipe.run("keys", "add", CLUSTER, "--namespace", f"kubernetes:{CLUSTER}").decode().strip()
    folder = pipe.folder / "door"
    folder.mkdir()
    Authority(folder).issue("gateway", "IP:127.0.0.1")
    gateway = pipe.gateway(
        METAOPS_INGEST_AUTH="required", METAOPS_INGEST_TLS_CERTIFICATE_FILE=str(folder / "gateway.pem"),
        METAOPS_INGEST_TLS_KEY_FILE=str(folder / "gateway.key"))
    url = gateway.url.replace("http:", "https:")
    return Webhook(f"{url}/api/v1/kubernetes/audit/{CLUSTER}", folder / "ca.pem", key)


def story_told(pipe):
    webhook = open_door(pipe)
    pipe.worker()
    pipe.wait_ready()
    with KubeSite(pipe.folder, HERE / "audit_policy.yaml", webhook, USERS) as site:
        story, poll = Story(pipe, site), Watcher(pipe, site)
        prepare(story)
        watched(story, poll)
        while_poll_is_away(story, poll)
        server_killed(story, poll)
        vanished(story, poll)
        poll.stop()
    pipe.wait_stored()
    check_graph(pipe, keys_made=1)
    records = [(key, value) for _, _, key, value in pipe.records(pipe.topic)]
    check_secrets(records)
    check_principals(records, webhook)
    return records, pipe.checksum()


def replayed(records):
    steps = records * 2
    random.Random(1).shuffle(steps)
    with Pipeline("kube-again", 2) as pipe:
        pipe.worker()
        pipe.produce(pipe.topic, [(None, key, value) for key, value in steps])
        pipe.wait_stored()
        check_graph(pipe)
        return pipe.checksum()


def main():
    with Pipeline("kube-real", 3) as pipe:
        records, checksum = story_told(pipe)
    check("the same graph in another order", checksum, replayed(records))


tools.run(main)
