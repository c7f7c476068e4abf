"""The standards' own judges: JSON schema and SHACL shapes of SPDX 3.0.1, and the strict schema of CycloneDX 1.6."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import cyclonedx.schema
import pyshacl
import rdflib
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

SPDX = pathlib.Path(os.environ["SPDX_DIR"])
CONTEXT = json.loads((SPDX / "spdx-context-v3.0.1.jsonld").read_text())["@context"]


def spdx_schema(text):
    """What the JSON schema says against the document, nothing when it is valid."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(text)
        file.flush()
        done = subprocess.run([sys.executable, "-m", "check_jsonschema", "--schemafile", SPDX / "schema-v3.0.1.json", file.name],
                              capture_output=True, text=True)
    return done.stdout[-3000:] if done.returncode else ""


def spdx_shapes():
    return rdflib.Graph().parse(SPDX / "spdx-model-v3.0.1.jsonld", format="json-ld")


def spdx_shacl(text, shapes):
    """The same of the shapes. The context is the one of the package: nothing is fetched."""
    document = {**json.loads(text), "@context": CONTEXT}
    data = rdflib.Graph().parse(data=json.dumps(document), format="json-ld")
    conforms, _, said = pyshacl.validate(data, shacl_graph=shapes, ont_graph=shapes)
    return "" if conforms else said[:3000]


def cyclonedx_schema(text):
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    return str(fault)[:3000] if fault else ""


def licence_ids():
    """Licences and exceptions in the list of SPDX that goes with that schema."""
    folder = pathlib.Path(cyclonedx.schema.__file__).parent / "_res"
    return json.loads((folder / "spdx.SNAPSHOT.schema.json").read_text())["enum"]
