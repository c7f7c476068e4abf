"""Bills of a version of which everything is told, of one of which little is, and of one in a registry, against documents by hand; both formats
are valid by the standards' own validators; what is not known is reported; the same graph gives the same bytes."""

import functools
import hashlib
import json
import os
import random
import subprocess

import validators
from checks import check, end
from license_expression import get_spdx_licensing
from own_pipeline import LIMIT_S, PROGRAM, Pipeline, post, query
from private_postgres import PrivatePostgres
from world import CONTRACT, COPY, EVENTS, HEX, REGISTERED, SECOND, TRAIN

UNSEEN = "https://spdx.org/rdf/3.0.1/terms/Core/NoAssertionElement"
SHAPES = validators.spdx_shapes()
FRAUD, CHURN = ("--model", "registry/fraud", "--version", "7"), ("--model=registry/churn", "--version=1")


def aibom(pipe, *words, **environment):
    """-> exit code, the document, lines of standard error"""
    done = subprocess.run([PROGRAM, "aibom", *words], capture_output=True, text=True, timeout=LIMIT_S, env={
        **os.environ, "METAOPS_POSTGRES_CONNINFO": pipe.dsn, **environment})
    return done.returncode, done.stdout, done.stderr.splitlines()


def named(document):
    """Elements without identifiers: what they refer to by its name."""
    graph = document["@graph"]
    names = {element["spdxId"]: element.get("name") or element.get("simplelicensing_licenseExpression") or element["type"]
             for element in graph if "spdxId" in element}
    elements, relations = {}, []
    for element in graph:
        if element["type"] == "Relationship":
            relations.append((names[element["from"]], element["relationshipType"], *(names.get(to, to) for to in element["to"])))
        elif element["type"] not in ("CreationInfo", "SpdxDocument", "software_Sbom", "SoftwareAgent", "Tool"):
            told = {key: value for key, value in element.items() if key not in ("spdxId", "creationInfo", "name")}
            if "suppliedBy" in told:
                told["suppliedBy"] = names[told["suppliedBy"]]
            if "originatedBy" in told:
                told["originatedBy"] = [names[agent] for agent in told["originatedBy"]]
            elements[names[element["spdxId"]]] = told
    return elements, sorted(relations)


FRAUD_ELEMENTS = {
    "fraud": {"type": "ai_AIPackage", "software_packageVersion": "7", "software_primaryPurpose": "model",
              "software_downloadLocation": "s3://models/fraud/7", "suppliedBy": "team-fraud", "releaseTime": "2026-11-23T16:00:00Z",
              "verifiedUsing": [{"type": "Hash", "algorithm": "sha256", "hashValue": HEX}]},
    "s3://lake/features": {
        "type": "dataset_DatasetPackage", "software_packageVersion": "42", "software_primaryPurpose": "data",
        "software_downloadLocation": "s3://lake/features", "originatedBy": ["team-features"], "builtTime": "2026-11-23T14:10:00Z",
        "releaseTime": "2026-11-22T00:00:00Z", "dataset_datasetType": ["structured"]},
    "scikit-learn": {"type": "software_Package", "software_packageVersion": "1.5.2"},
    "spark": {"type": "software_Package", "software_packageVersion": "3.5.9"},
    "ml/train": {"type": "build_Build", "build_buildType": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
                 "build_buildId": TRAIN, "build_buildStartTime": "2026-11-23T14:15:00Z", "build_buildEndTime": "2026-11-23T15:30:00Z",
                 "build_parameter": [{"type": "DictionaryEntry", "key": "depth", "value": "3"},
                                     {"type": "DictionaryEntry", "key": "n", "value": "3"},
                                     {"type": "DictionaryEntry", "key": "rate", "value": "0.1"}],
                 "build_configSourceUri": ["git+https://git/x@c0ffee"],
                 "build_environment": [{"type": "DictionaryEntry", "key": "image_digest", "value": "sha256:cd"}]},
    "team-fraud": {"type": "Agent"}, "team-features": {"type": "Agent"},
    **{text: {"type": "simplelicensing_LicenseExpression", "simplelicensing_licenseExpression": text}
       for text in ("Apache-2.0", "MIT", "CC-BY-4.0")},
}
FRAUD_RELATIONS = sorted([
    ("fraud", "hasDeclaredLicense", "Apache-2.0"), ("fraud", "hasConcludedLicense", "MIT"),
    ("s3://lake/features", "hasDeclaredLicense", "CC-BY-4.0"), ("fraud", "trainedOn", "s3://lake/features"),
    ("fraud", "dependsOn", "spark"), ("fraud", "dependsOn", "scikit-learn"), ("ml/train", "hasInput", "s3://lake/features"), ("ml/train", "hasOutput", "fraud")])
CHURN_ELEMENTS = {
    "churn": {"type": "ai_AIPackage", "software_packageVersion": "1", "software_primaryPurpose": "model",
              "software_downloadLocation": "s3://models/churn/1"},
    "postgres://shop/my 100% orders": {"type": "dataset_DatasetPackage", "software_primaryPurpose": "data",
                                  "software_downloadLocation": "postgres://shop/my%20100%25%20orders", "dataset_datasetType": ["noAssertion"]},
    "ml/train": {"type": "build_Build", "build_buildType": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
                 "build_buildId": SECOND, "build_buildEndTime": "2026-11-23T15:50:00Z"},
}
CHURN_MISSING = sorted(f"missing  {member} of {what}" for member, what in [
    ("suppliedBy", "model churn"), ("releaseTime", "model churn"), ("hasDeclaredLicense", "model churn"),
    ("hasConcludedLicense", "model churn"), *((member, "dataset postgres://shop/my 100% orders")
                                              for member in ("originatedBy", "builtTime", "releaseTime"))])


def check_spdx(pipe):
    code, text, said = aibom(pipe, *FRAUD)
    check("all told: nothing is missing", (0, ["wanted   environment"]), (code, said))
    elements, relations = named(json.loads(text))
    check("all told: elements", FRAUD_ELEMENTS, elements)
    check("all told: relationships", FRAUD_RELATIONS, relations)
    check("the time is that of the latest event", "2026-11-23T15:30:00Z", json.loads(text)["@graph"][0]["created"])
    check("or the one asked for", "2001-09-09T01:46:40Z", json.loads(aibom(pipe, *FRAUD, SOURCE_DATE_EPOCH="1000000000")[1])["@graph"][0]["created"])
    code, less, said = aibom(pipe, *CHURN, "--format", "spdx3")
    check("little told: it fails", 1, code)
    check("little told: elements", CHURN_ELEMENTS, named(json.loads(less))[0])
    check("little told: what is missing", CHURN_MISSING, sorted(line.split(";")[0] for line in said if line.startswith("missing")))
    check("little told: what would be wanted", [f"wanted   {what}" for what in (
        "digest", "code commit", "image", "packages", "engine", "parameters", "environment", "version of postgres://shop/my 100% orders")],
          [line for line in said if line.startswith("wanted")])
    for what, document in (("all told", text), ("little told", less)):
        check(f"{what}: by the JSON schema", "", validators.spdx_schema(document))
        check(f"{what}: by the shapes", "", validators.spdx_shacl(document, SHAPES))
    check("profiles are claimed that are met", [["core", "software", "ai", "dataset", "build", "simpleLicensing"],
                                                ["core", "software", "build", "simpleLicensing"]], [
        element["profileConformance"] for document in (text, less) for element in json.loads(document)["@graph"]
        if element["type"] == "SpdxDocument"])
    broken = text.replace('"sha256",', '"sha257",')
    check("the validators see what is wrong", [True, True], [
        bool(validators.spdx_schema(broken)), bool(validators.spdx_shacl(broken, SHAPES))])


def check_cyclonedx(pipe):
    code, text, _ = aibom(pipe, *FRAUD, "--format=cyclonedx")
    document = json.loads(text)
    model = document["metadata"]["component"]
    data, *libraries = document["components"]
    check("CycloneDX: nothing is missing", 0, code)
    check("CycloneDX: the model", {
        "type": "machine-learning-model", "group": "registry", "name": "fraud", "version": "7", "supplier": {"name": "team-fraud"},
        "hashes": [{"alg": "SHA-256", "content": HEX}],
        "licenses": [{"license": {"id": "MIT", "acknowledgement": "concluded"}},
                     {"license": {"id": "Apache-2.0", "acknowledgement": "declared"}}],
        "externalReferences": [{"type": "distribution", "url": "s3://models/fraud/7"}],
        "modelCard": {"modelParameters": {"datasets": [{"ref": data["bom-ref"]}]}},
        "properties": [{"name": "metaops:released", "value": "2026-11-23T16:00:00Z"},
                       {"name": "metaops:code", "value": "git+https://git/x@c0ffee"},
                       {"name": "metaops:image:image_digest", "value": "sha256:cd"},
                       {"name": "metaops:parameter:depth", "value": "3"}, {"name": "metaops:parameter:n", "value": "3"},
                       {"name": "metaops:parameter:rate", "value": "0.1"}]},
          {key: value for key, value in model.items() if key != "bom-ref"})
    check("CycloneDX: the data", {
        "type": "data", "group": "s3://lake", "name": "features", "version": "42",
        "licenses": [{"license": {"id": "CC-BY-4.0", "acknowledgement": "declared"}}],
        "data": [{"type": "dataset", "contents": {"url": "s3://lake/features"}, "classification": "internal",
                  "governance": {"owners": [{"organization": {"name": "team-features"}}]}}]},
          {key: value for key, value in data.items() if key != "bom-ref"})
    check("CycloneDX: libraries", [("library", "scikit-learn", "1.5.2"), ("library", "spark", "3.5.9")], [
        (library["type"], library["name"], library["version"]) for library in libraries])
    check("CycloneDX: what depends on them", [{"ref": model["bom-ref"], "dependsOn": [library["bom-ref"] for library in libraries]}],
          document["dependencies"])
    workflow = document["formulation"][0]["workflows"][0]
    check("CycloneDX: the run", {
        "uid": TRAIN, "name": "ml/train", "taskTypes": ["build"], "timeStart": "2026-11-23T14:15:00Z", "timeEnd": "2026-11-23T15:30:00Z",
        "inputs": [{"resource": {"ref": data["bom-ref"]}}],
        "outputs": [{"type": "artifact", "resource": {"ref": model["bom-ref"]}}]},
          {key: value for key, value in workflow.items() if key != "bom-ref"})
    code, less, _ = aibom(pipe, *CHURN, "--format", "cyclonedx")
    check("CycloneDX: little told fails", 1, code)
    for what, told in (("all told", text), ("little told", less)):
        check(f"{what}: by the strict schema of CycloneDX", "", validators.cyclonedx_schema(told))
    check("its validator sees what is wrong", True, bool(validators.cyclonedx_schema(text.replace('"SHA-256"', '"SHA-257"'))))


def check_registered(pipe):
    """What a registry says: of a tag of both the version's counts; nobody is asked for the dataset of a run that is unknown."""
    code, text, said = aibom(pipe, "--model", "mlflow/risk", "--version", "2")
    check("a registry tells enough", (0, []), (code, [line for line in said if line.startswith("missing")]))
    check("but not how it was made", [f"wanted   {what}" for what in (
        "digest", "run", "code commit", "image", "packages", "engine", "parameters", "environment", "inputs")], said)
    elements, relations = named(json.loads(text))
    check("by its tags", {
        "risk": {"type": "ai_AIPackage", "software_packageVersion": "2", "software_primaryPurpose": "model",
                 "software_downloadLocation": "s3://bucket/m0", "suppliedBy": "team-risk", "releaseTime": "2026-11-23T15:03:13Z",
                 "ai_typeOfModel": ["tree"], "ai_domain": ["credit"], "ai_informationAboutApplication": "scoring",
                 "ai_limitation": "adults only"},
        "team-risk": {"type": "Agent"},
        "BSD-3-Clause": {"type": "simplelicensing_LicenseExpression", "simplelicensing_licenseExpression": "BSD-3-Clause"}}, elements)
    check("with one licence twice", [("risk", "hasConcludedLicense", "BSD-3-Clause"), ("risk", "hasDeclaredLicense", "BSD-3-Clause")], relations)
    check("a registry: by the JSON schema", "", validators.spdx_schema(text))
    check("a registry: by the shapes", "", validators.spdx_shacl(text, SHAPES))
    bill = aibom(pipe, "--model", "mlflow/risk", "--version", "2", "--format", "cyclonedx")[1]
    check("CycloneDX: the card", {
        "modelParameters": {"architectureFamily": "tree"},
        "considerations": {"useCases": ["scoring"], "technicalLimitations": ["adults only"]}},
          json.loads(bill)["metadata"]["component"]["modelCard"])
    check("a registry: by the strict schema of CycloneDX", "", validators.cyclonedx_schema(bill))


def check_licences(pipe):
    """What is no expression of known identifiers is a text of its own."""
    code, text, said = aibom(pipe, "--model", "mlflow/risk", "--version", "3")
    elements, relations = named(json.loads(text))
    expression = "MIT OR (ISC AND GPL-2.0-only WITH Classpath-exception-2.0)"
    declared = {target: source for _, kind, target in relations for source in [kind] if kind.endswith("License")}
    ref = "LicenseRef-" + hashlib.md5(CONTRACT.encode()).hexdigest()
    texts = [element for element in json.loads(text)["@graph"] if element["type"] == "simplelicensing_SimpleLicensingText"]
    check("licences: told and concluded", (0, {ref: "hasDeclaredLicense", expression: "hasConcludedLicense"}), (code, declared))
    check("licences: the text", [CONTRACT], [element["simplelicensing_licenseText"] for element in texts])
    check("licences: how it is found", [{"type": "DictionaryEntry", "key": ref, "value": texts[0]["spdxId"]}],
          elements[ref]["simplelicensing_customIdToUri"])
    check("licences: by the JSON schema", "", validators.spdx_schema(text))
    check("licences: by the shapes", "", validators.spdx_shacl(text, SHAPES))
    bills = [aibom(pipe, "--model", "mlflow/risk", "--version", version, "--format", "cyclonedx") for version in "34"]
    check("CycloneDX: an expression alone, or names", [
        [{"license": {"name": expression, "acknowledgement": "concluded"}}, {"license": {"name": CONTRACT, "acknowledgement": "declared"}}],
        [{"expression": "MIT AND Zlib", "acknowledgement": "declared"}]],
          [json.loads(bill)["metadata"]["component"]["licenses"] for _, bill, _ in bills])
    for _, bill, _ in bills:
        check("licences: by the strict schema of CycloneDX", "", validators.cyclonedx_schema(bill))


EXPRESSIONS = {
    "apache-2.0": "Apache-2.0", "GPL-2.0+": "GPL-2.0+", "mpl-1.1+": "MPL-1.1+", "(MIT)": "(MIT)", "MIT\tOR ISC and Zlib": "MIT OR ISC AND Zlib",
    "( MIT or ( ISC and (Zlib)) )": "(MIT OR (ISC AND (Zlib)))", "gpl-2.0-only with Classpath-exception-2.0 AND MIT":
    "GPL-2.0-only WITH Classpath-exception-2.0 AND MIT"}
NO_EXPRESSIONS = ["", " ", "Apache 2", "MIT,", "MIT Or ISC", "MIT OR", "OR", "MIT ISC", "(MIT", "MIT)", "()", ")MIT(", "Classpath-exception-2.0",
                  "MIT WITH ISC", "MIT WITH", "(MIT) WITH Classpath-exception-2.0", "Classpath-exception-2.0+", "x", "l", "MIT++", "LicenseRef-x",
                  "MIT WITH Classpath-exception-2.0 WITH Classpath-exception-2.0", "MIT OR " * 200 + "MIT"]


def check_expressions(pipe):
    check("expressions", EXPRESSIONS, {told: pipe.value("select graph.licence_expression(%s)", told) for told in EXPRESSIONS})
    check("none of them", {told: None for told in NO_EXPRESSIONS}, {
        told: pipe.value("select graph.licence_expression(%s)", told) for told in NO_EXPRESSIONS})
    licensing = get_spdx_licensing()
    # It knows + as the end of a few identifiers only.
    known = [told for told in EXPRESSIONS.values() if told != "MPL-1.1+"]
    check("another judge finds nothing in them", {told: [] for told in known}, {told: licensing.validate(told).errors for told in known})
    check("identifiers are those of CycloneDX", validators.licence_ids(), pipe.value("select array_agg(id) from graph.licence_ids()"))
    check("NOASSERTION says nothing", None, pipe.value("select graph.bom_licence('NoAssertion')"))


def check_hidden(server, pipe):
    """Readers of some namespaces: what they may not see is left out, and that something is."""
    server.superuser("create role buyer login", "create role guest login", "create role stranger login")
    pipe.query("select metaops.restrict_reader('buyer', '{registry, mlflow, ml, s3://models}')")
    pipe.query("select metaops.restrict_reader('guest', '{registry}')")
    pipe.query("select metaops.restrict_reader('stranger', '{ml}')")
    buyer, guest, stranger = (server.dsn(role, pipe.database) for role in ("buyer", "guest", "stranger"))
    code, text, said = aibom(pipe, *FRAUD, METAOPS_POSTGRES_CONNINFO=buyer)
    elements, relations = named(json.loads(text))
    check("hidden inputs: it fails and says so", (1, [
        "hidden   image, packages, engine, parameters and environment of its run, if told", "hidden   some of its inputs"]), (code, said))
    build = {key: value for key, value in FRAUD_ELEMENTS["ml/train"].items() if key not in ("build_parameter", "build_environment")}
    check("hidden inputs: elements", {**{name: FRAUD_ELEMENTS[name] for name in ("fraud", "team-fraud", "Apache-2.0", "MIT")},
                                      "ml/train": build}, elements)
    check("hidden inputs: relationships", sorted([
        ("fraud", "hasDeclaredLicense", "Apache-2.0"), ("fraud", "hasConcludedLicense", "MIT"), ("ml/train", "hasOutput", "fraud"),
        ("fraud", "trainedOn", UNSEEN), ("ml/train", "hasInput", UNSEEN)]), relations)
    check("hidden inputs: the list is incomplete", ["incomplete"] * 2, [
        element["completeness"] for element in json.loads(text)["@graph"] if element.get("to") == [UNSEEN]])
    bill = aibom(pipe, *FRAUD, "--format=cyclonedx", METAOPS_POSTGRES_CONNINFO=buyer)[1]
    model = json.loads(bill)["metadata"]["component"]
    check("CycloneDX: incomplete", [{"aggregate": "incomplete", "assemblies": [model["bom-ref"]]}], json.loads(bill)["compositions"])
    builds = [[name for name, element in named(json.loads(aibom(
        pipe, "--model", "mlflow/risk", "--version", "4", METAOPS_POSTGRES_CONNINFO=dsn)[1]))[0].items() if element["type"] == "build_Build"]
        for dsn in (pipe.dsn, buyer)]
    check("that reader takes another run for it", [(COPY,)], query(
        buyer, "select run_uuid::text from metaops.model_versions where (namespace, name, version) = ('mlflow', 'risk', '4')"))
    check("another run is not taken for the hidden one", [["labs/fit"], []], builds)
    code, less, said = aibom(pipe, *CHURN, METAOPS_POSTGRES_CONNINFO=guest)
    check("a hidden run", (1, [
        "hidden   the run that made it, what it read and what it said", "hidden   the dataset that is its artifact", "wanted   digest"]),
          (code, [line for line in said if not line.startswith("missing")]))
    for document in (text, less):
        check("nothing hidden is in it", [], [name for name in ("lake", "features", "orders") if name in document])
        check("hidden parts: by the JSON schema", "", validators.spdx_schema(document))
        check("hidden parts: by the shapes", "", validators.spdx_shacl(document, SHAPES))
    check("hidden parts: by the strict schema of CycloneDX", "", validators.cyclonedx_schema(bill))
    check("who sees no model learns nothing of it", [([],)], query(
        stranger, "select graph.hidden_parts(current_user, 'registry', 'fraud', '7')"))
    for role in ("buyer", "guest", "stranger"):
        pipe.query("select metaops.release_reader(%s)", role)


def check_forms(pipe):
    """What people write is taken where it is one of these, else left out."""
    check("times", ["2026-11-22T00:00:00Z", "2026-11-22T08:00:00Z", None, None, None, None], [
        pipe.value("select graph.bom_told_time(%s)", told) for told in (
            "2026-11-22", "2026-11-22T10:00:00.9+02:00", "2026-13-45", "infinity", "9999999-01-01", "soon")])
    check("digests", [{"name": "MD5", "algorithm": "md5", "value": "d41d8cd98f00b204e9800998ecf8427e"}, None, None, None], [
        pipe.value("select graph.bom_digest(%s)", told) for told in (
            "md5:D41D8CD98F00B204E9800998ECF8427E", "sha256:ab", "crc32:" + "0" * 32, "")])
    check("addresses", ["a%5B1%5D%20%C3%A9%25zz%20", ""], [
        pipe.value("select graph.bom_address(%s)", told) for told in ("a[1] é%zz%20", "")])


def check_words(server, pipe):
    reader = server.dsn("metaops_reader", pipe.database)
    check("who may only read gets the same", aibom(pipe, *FRAUD)[1], aibom(pipe, *FRAUD, METAOPS_POSTGRES_CONNINFO=reader)[1])
    check("unknown versions fail", [1] * 3, [aibom(pipe, "--model", model, "--version", version)[0] for model, version in (
        ("registry/fraud", "8"), ("registry/nobody", "7"), ("fraud", "7"))])
    check("and print no document", "", aibom(pipe, "--model", "registry/fraud", "--version", "8")[1])
    check("wrong words", [2] * 5, [aibom(pipe, *words)[0] for words in (
        (), FRAUD[:2], (*FRAUD, "--format", "spdx2"), (*FRAUD, "more"), (*FRAUD, "--version="))])
    check("a wrong time", 2, aibom(pipe, *FRAUD, SOURCE_DATE_EPOCH="yesterday")[0])
    check("a full disk", 1, subprocess.run([PROGRAM, "aibom", *FRAUD], stdout=open("/dev/full", "w"), stderr=subprocess.DEVNULL, env={
        **os.environ, "METAOPS_POSTGRES_CONNINFO": pipe.dsn}).returncode)


def world(seed, *looks):
    events = EVENTS * 2 if seed else EVENTS
    if seed:
        events = random.Random(seed).sample(events, len(events))
    with Pipeline("aibom", 1 + seed % 3) as pipe:
        gateway = pipe.gateway()
        pipe.worker()
        pipe.wait_ready()
        pipe.emit(events)
        for body in REGISTERED[::-1] if seed else REGISTERED:
            check("the registry's word is taken", 200, post(f"{gateway.url}/api/v1/mlflow/webhooks", body)[0])
        pipe.wait_stored()
        for look in looks:
            look(pipe)
        return [aibom(pipe, *words, "--format", form)[:2] for words in (FRAUD, CHURN) for form in ("spdx3", "cyclonedx")]


def main():
    with PrivatePostgres() as server:
        os.environ["METAOPS_DSN"] = server.dsn("metaops_owner")
        first = world(0, check_spdx, check_cyclonedx, check_registered, check_licences, check_expressions, check_forms,
                      functools.partial(check_words, server), functools.partial(check_hidden, server))
        for seed in (1, 2):
            check(f"the same bytes in order {seed}", first, world(seed))
    end()


main()
