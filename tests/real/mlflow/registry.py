"""A real MLflow: what is done in its registry reaches the graph by the webhooks that it signs, against tables made by hand from
what is done. A webhook with another secret is refused, every time."""

import datetime
import json

import tools
from checks import check
from mlflow_site import MlflowSite
from own_pipeline import Pipeline, metric, wait_until

SECRET = "what both know"
DOOR = "/api/v1/mlflow/webhooks"

# name, version, artifact, is it of the run that is made for churn
VERSIONS = [("churn", "1", "s3://models/churn/1", True), ("churn", "2", "s3://models/churn/2", False)]
TAGS = [("churn", None, "team", "risk"), ("churn", "1", "stage", "retired")]
ALIASES = [("churn", "champion", "2"), ("churn", "first", "1")]


class Registry:
    """One act after the other: MLflow takes the time of an event when it sends it, and sends several at once."""

    def __init__(self, site, pipe):
        self.site, self.pipe = site, pipe
        self.told = 0

    def act(self, method, path, events=1, **fields):
        """The registry's answer, as soon as the graph's topic has what it tells."""
        answer = self.site.call(method, path, **fields)
        self.expect(events, path)
        return answer

    def expect(self, events, what):
        self.told += events
        wait_until(f"MLflow tells of {what}", lambda: sum(self.pipe.ends().values()) >= self.told)

    def version(self, source, **fields):
        return self.act("POST", "model-versions/create", name="churn", source=source, **fields)["model_version"]


def tag(key, value):
    return {"key": key, "value": value}


def acts(registry):
    """-> the run, and the versions as MLflow tells them."""
    act = registry.act
    act("POST", "registered-models/create", name="churn", tags=[tag("team", "risk")])
    run = act("POST", "runs/create", events=0, experiment_id="0")["run"]["info"]["run_id"]
    made = [
        registry.version("s3://models/churn/1/", run_id=run, tags=[tag("rows", "1000")]),
        registry.version("s3a://models/churn/2"),
    ]
    first = {"name": "churn", "version": "1"}
    act("POST", "model-versions/set-tag", **first, key="stage", value="prod")
    act("POST", "model-versions/set-tag", **first, key="stage", value="retired")
    act("DELETE", "model-versions/delete-tag", **first, key="rows")
    for alias, version in [("champion", "1"), ("champion", "2"), ("first", "1"), ("gone", "1")]:
        act("POST", "registered-models/alias", name="churn", alias=alias, version=version)
    act("DELETE", "registered-models/alias", name="churn", alias="gone")
    return run, made


def check_graph(pipe, run, made, logged):
    check("models", [("mlflow", "churn", "observed"), ("mlflow", "flowers", "observed")], pipe.query(
        "select namespace, name, source from metaops.models order by name"))
    expected = [(name, version, "observed", uri, run if is_of_run else None) for name, version, uri, is_of_run in VERSIONS]
    # MLflow does not say of which run a logged model is, only where it is.
    check("versions", [*expected, ("flowers", "1", "observed", logged["source"], None)], pipe.query(
        "select name, version, source, artifact_uri, registry_run_id from metaops.model_versions order by 1, 2"))
    check("tags", TAGS, pipe.query("select name, version, key, value from metaops.model_tags order by version nulls first, key"))
    check("aliases", ALIASES, pipe.query("select name, alias, version from metaops.model_aliases order by 2"))
    now = datetime.datetime.now(datetime.timezone.utc)
    for one in made:
        at = datetime.datetime.fromtimestamp(one["creation_timestamp"] / 1000, datetime.timezone.utc)
        released = pipe.value("select released_at from metaops.model_versions where name = 'churn' and version = %s", one["version"])
        check(f"version {one['version']} is released when MLflow made it", True, at <= released <= now)
    check("an id for each event, no letter", (registry_events(), 0), (
        pipe.value("select count(*) from graph.event_ids"), pipe.value("select count(*) from metaops.dead_letters")))


def registry_events():
    """Of churn: the model, 2 versions, 3 of tags, 5 of aliases; of flowers: the model and a version."""
    return 1 + 2 + 3 + 5 + 2


def not_taken(gateway, reason):
    return metric(gateway.admin_url, f'metaops_gateway_mlflow_not_taken_total{{reason="{reason}"}}')


def check_trials(site, hooks):
    """The button with which MLflow's users try a webhook."""
    answers = [site.post(f"webhooks/{hook}/test")["result"] for hook in hooks]
    check("a trial is answered, with another secret refused", [(True, 200), (False, 401)], [
        (answer.get("success", False), answer["response_status"]) for answer in answers])


def registered(pipe, gateway):
    with MlflowSite(pipe.folder) as site:
        url = gateway.url + DOOR
        hooks = [site.webhook("metaops", url, SECRET), site.webhook("stranger", url, "what one knows")]
        check_trials(site, hooks)
        registry = Registry(site, pipe)
        run, made = acts(registry)
        logged = json.loads(site.run_program(tools.SUPPORT / "log_flowers.py", "flowers").splitlines()[-1])
        registry.expect(2, "a logged model")
        # To MLflow a prompt is a model with a tag.
        site.post("registered-models/create", name="greeting", tags=[tag("mlflow.prompt.is_prompt", "true")])
        wait_until("the prompt is passed over", lambda: not_taken(gateway, "prompt") == 1)
        refused = registry_events() + 2
        wait_until("the stranger has told all of it, too", lambda: not_taken(gateway, "signature") >= refused)
        check("each of the stranger's is refused", refused, not_taken(gateway, "signature"))
        return run, made, logged


def main():
    with Pipeline("mlflow-real", 3) as pipe:
        key_file = pipe.folder / "mlflow.key"
        key_file.write_text(SECRET + "\n")
        key_file.chmod(0o600)
        gateway = pipe.gateway(METAOPS_INGEST_MLFLOW_KEY_FILE=str(key_file))
        pipe.worker()
        pipe.wait_ready()
        run, made, logged = registered(pipe, gateway)
        pipe.wait_stored()
        check_graph(pipe, run, made, logged)
        check("one trial and one prompt are counted", (1, 1), (not_taken(gateway, "test"), not_taken(gateway, "prompt")))


tools.run(main)
