"""Large schemas that others publish, as payloads: what they allow passes, and nothing else."""

import copy
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import jsonschema_rs
import pytest
from boundary import generate, passes
from busy import quiet_seconds_since
from peer_packages import npm, pypi, python_packages

pytestmark = pytest.mark.peers

SECONDS = 60
"""What generating and importing one of these may take on a busy machine."""


@pytest.fixture
def made(tmp_path):
    """Makes a kind of schema files and of the references into them, one hook each."""

    def make(name, files, references):
        folder = tmp_path / name
        (folder / "schemas").mkdir(parents=True)
        for file, schema in files.items():
            (folder / "schemas" / file).write_text(json.dumps(schema), encoding="utf-8")
        hooks = []
        for hook, reference in references.items():
            schema = {"$ref": f"schemas/{reference}"}
            hooks.append({"name": hook, "dispatch": "singleton", "input_schema": schema})
            hooks[-1]["output_schema"] = {"type": "object"}
        spec = {"kind": name, "kind_api_version": "1.0.0", "hooks": hooks}
        (folder / "v1.yaml").write_text(json.dumps(spec), encoding="utf-8")
        start = time.monotonic()
        kind = generate(folder / "v1.yaml", tmp_path / "bindings")
        assert quiet_seconds_since(start) < SECONDS
        return kind, tmp_path / "bindings" / f"{name}_v1"

    return make


def mutations(value, seed, many=12):
    """Change one place of a value, each time another: drop it, add to it, or make it another."""
    chance = random.Random(seed)
    for _ in range(many):
        mutant = copy.deepcopy(value)
        holder = mutant
        while True:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            if not keys:
                break
            key = chance.choice(keys)
            inner = holder[key]
            if isinstance(inner, dict | list) and inner and chance.random() < 0.7:
                holder = inner
                continue
            change = chance.choice(["drop", "null", "text", "number", "list", "object"])
            if change == "drop":
                del holder[key]
            else:
                others = {"null": None, "text": "?", "number": -1.5, "list": [{}], "object": {}}
                holder[key] = others[change]
            break
        if isinstance(holder, dict) and chance.random() < 0.2:
            holder["unheard_of"] = 1
        yield mutant


def agreement(kind, hook, validator, example, seed):
    """Hold the boundary to the validator: for an example and for mutations of it."""
    for value in [example, *mutations(example, seed)]:
        expected = validator.is_valid(value)
        assert passes(kind.hooks[hook].input, json.dumps(value)) is expected
    return validator.is_valid(example)


def held_to_types(package):
    """Run the type checkers over the bindings of a kind, strictly."""
    folder = package.parent
    (folder / package.name / "py.typed").touch()
    for command in (["mypy", "--strict"], ["pyright", "--pythonpath", sys.executable]):
        result = subprocess.run(
            [str(Path(sys.executable).with_name(command[0])), *command[1:], package.name],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout[-3000:]


def read(path):
    return json.loads(path.read_text("utf-8"))


def test_github_webhooks(made):
    packages = npm("schemas") / "@octokit"
    schema = read(packages / "webhooks-schemas" / "schema.json")
    examples = read(packages / "webhooks-examples" / "api.github.com" / "index.json")
    defined = [one for one in examples if f"{one['name']}_event" in schema["definitions"]]
    references = {
        f"{one['name']}_event": f"github.json#/definitions/{one['name']}_event" for one in defined
    }
    kind, package = made("github", {"github.json": schema}, references)
    accepted = 0
    for one in defined:
        root = {
            "$schema": schema["$schema"],
            "definitions": schema["definitions"],
            "allOf": [{"$ref": f"#/definitions/{one['name']}_event"}],
        }
        validator = jsonschema_rs.Draft7Validator(root, validate_formats=False)
        for seed, example in enumerate(one["examples"]):
            accepted += agreement(kind, f"{one['name']}_event", validator, example, seed)
    assert accepted > 200
    held_to_types(package)


def test_openapi(made):
    folder = (
        python_packages("schemas") / "openapi_spec_validator" / "resources" / "schemas" / "v3.1"
    )
    schema = read(folder / "schema.json")
    kind, package = made("openapi", {"openapi.json": schema}, {"document": "openapi.json"})
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=False)
    operation = {"responses": {"200": {"description": "ok", "x-note": [1, 2.5]}}, "tags": ["a"]}
    example = {
        "openapi": "3.1.0",
        "info": {"title": "Animals", "version": "1", "license": {"name": "MIT"}},
        "paths": {"/animals/{id}": {"get": operation, "parameters": [{"$ref": "#/components/x"}]}},
        "components": {"schemas": {"Animal": {"type": "object"}, "Any": True}},
    }
    assert all(agreement(kind, "document", validator, example, seed) for seed in range(20))
    held_to_types(package)


def test_cyclonedx(made):
    folder = python_packages("schemas") / "cyclonedx" / "schema" / "_res"
    names = ["bom-1.6", "spdx", "jsf-0.82"]
    files = {
        f"{name}.SNAPSHOT.schema.json": read(folder / f"{name}.SNAPSHOT.schema.json")
        for name in names
    }
    kind, package = made("cyclonedx", files, {"bom": "bom-1.6.SNAPSHOT.schema.json"})
    resources = [
        (one["$id"].replace(".schema.", ".SNAPSHOT.schema."), one) for one in files.values()
    ]
    validator = jsonschema_rs.Draft7Validator(
        files["bom-1.6.SNAPSHOT.schema.json"],
        validate_formats=False,
        registry=jsonschema_rs.Registry(resources),
    )
    component = {
        "type": "library",
        "name": "thing",
        "version": "1.2.3",
        "licenses": [{"license": {"id": "MIT"}}],
        "hashes": [{"alg": "SHA-256", "content": "0" * 64}],
    }
    example = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
        "version": 1,
        "components": [component],
        "dependencies": [{"ref": "a", "dependsOn": ["b"]}],
    }
    assert all(agreement(kind, "bom", validator, example, seed) for seed in range(20))
    held_to_types(package)


def test_kubernetes(made):
    folder = (
        python_packages("schemas")
        / "kubernetes_validate"
        / "kubernetes-json-schema"
        / "v1.31.0-local"
    )
    names = ["pod-v1.json", "deployment-apps-v1.json", "_definitions.json"]
    texts = {
        name: (folder / name).read_text("utf-8").replace("/api/_def", "_def") for name in names
    }
    files = {name: json.loads(text) for name, text in texts.items()}
    kind, package = made("kubernetes", files, {"pod": names[0], "deployment": names[1]})
    container = {"name": "web", "image": "web:1", "ports": [{"containerPort": 80}]}
    pod = {"containers": [container], "restartPolicy": "Always"}
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": pod}
    examples = {
        "pod": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": pod},
        "deployment": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "labels": labels},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template},
        },
    }
    placed = {
        name: {**schema, "$id": f"http://k8s.invalid/{name}"} for name, schema in files.items()
    }
    registry = jsonschema_rs.Registry([(schema["$id"], schema) for schema in placed.values()])
    for hook, file in zip(examples, names, strict=False):
        validator = jsonschema_rs.Draft202012Validator(
            placed[file], validate_formats=False, registry=registry
        )
        assert all(agreement(kind, hook, validator, examples[hook], seed) for seed in range(20))
    held_to_types(package)


def test_cloudevents(made):
    script = (npm("schemas") / "cloudevents" / "dist" / "schema" / "v1.js").read_text("utf-8")
    begin = script.index("{", script.index("const schema"))
    schema = json.JSONDecoder().raw_decode(script, begin)[0]
    kind, package = made("cloudevents", {"event.json": schema}, {"event": "event.json"})
    # An annotation since 2019-09, and here; to assert it was optional before (draft-07 §8.2).
    asserted = json.loads(json.dumps(schema).replace('"contentEncoding"', '"x-encoding"'))
    validator = jsonschema_rs.Draft7Validator(asserted, validate_formats=False)
    examples = {
        name: one["examples"] for name, one in schema["properties"].items() if "examples" in one
    }
    whole = {name: values[0] for name, values in examples.items()}
    assert agreement(kind, "event", validator, whole, 0)
    for name, values in examples.items():
        for seed, value in enumerate(values):
            assert agreement(kind, "event", validator, {**whole, name: value}, seed)
    for data in (None, 1, 2.5, True, [{}], {"a": {"b": []}}):
        assert agreement(kind, "event", validator, {**whole, "data": data, "extension": "x"}, 7)
    held_to_types(package)


MCP_SCHEMA = """
import json
from mcp_types import _v2026_07_28 as revision
from pydantic import TypeAdapter
sides = {"request": revision.ClientRequest, "answer": revision.ServerResult}
print(json.dumps({name: TypeAdapter(side).json_schema() for name, side in sides.items()}))
"""
MCP_ASKED = {"jsonrpc": "2.0", "id": 1}
MCP_META = {
    "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "host", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
}
MCP_TOOL = {"name": "add", "inputSchema": {"type": "object", "x-note": 1.5}}
MCP_TEXT = {"type": "text", "text": "hi", "annotations": {"priority": 1, "audience": ["user"]}}
MCP_LASTING = {"ttlMs": 1, "cacheScope": "public"}
MCP_EXAMPLES = (
    ("request", {**MCP_ASKED, "method": "tools/call", "params": {**MCP_META, "name": "add"}}),
    ("request", {**MCP_ASKED, "method": "tools/list", "params": MCP_META}),
    ("answer", {"resultType": "complete", "tools": [MCP_TOOL], **MCP_LASTING}),
    ("answer", {"resultType": "complete", "content": [MCP_TEXT], "structuredContent": {"a": [1]}}),
)


def test_the_model_context_protocol(made):
    command = [pypi("python_2"), "-c", MCP_SCHEMA]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    schemas = json.loads(printed)
    files = {f"{name}.json": schema for name, schema in schemas.items()}
    kind, package = made("protocol", files, {name: f"{name}.json" for name in schemas})
    for hook, example in MCP_EXAMPLES:
        validator = jsonschema_rs.Draft202012Validator(schemas[hook], validate_formats=False)
        assert all(agreement(kind, hook, validator, example, seed) for seed in range(20))
    held_to_types(package)
