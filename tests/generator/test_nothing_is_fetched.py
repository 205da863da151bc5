"""Schemas of others name addresses and files; neither is ever opened."""

import http.server
import os
import threading
from contextlib import suppress

import pytest
from specs import write_spec

from scaffold.contract._validation.validator import CompiledSchema
from scaffold.generator import compile_kind
from scaffold.generator._compare.subset.compared_schema import PayloadSchema
from scaffold.generator._lint.lint import lint_kind
from scaffold.generator._schema.samples.sample_values import NoSampleError, sample
from scaffold.generator._source.diagnostics import SpecError

DRAFT_4, DRAFT_7 = (f"http://json-schema.org/draft-0{draft}/schema#" for draft in (4, 7))

HOOK = "  - {name: run, dispatch: broadcast_notify, input_schema: schemas/root.json}\n"

PLACES = {
    "root": lambda to: {"$ref": to},
    "dynamic": lambda to: {"$dynamicRef": to},
    "property": lambda to: {"type": "object", "properties": {"a": {"$ref": to}}},
    "required": lambda to: {"required": ["a"], "properties": {"a": {"$ref": to}}},
    "definition": lambda to: {"$defs": {"x": {"$ref": to}}, "type": "object"},
    "former definition": lambda to: {"definitions": {"x": {"$ref": to}}, "type": "object"},
    "unknown keyword": lambda to: {"type": "object", "foo": {"$ref": to}},
    "example": lambda to: {"examples": [{"$ref": to}], "type": "object"},
    "content": lambda to: {"type": "string", "contentSchema": {"$ref": to}},
    "unevaluated": lambda to: {"type": "object", "unevaluatedProperties": {"$ref": to}},
    "dependencies": lambda to: {"dependencies": {"a": {"$ref": to}}},
    "dialect": lambda to: {"$schema": to, "type": "object"},
    "inner dialect": lambda to: {"properties": {"a": {"$schema": to, "$id": "z:z", "default": 1}}},
    "default": lambda to: {"properties": {"a": {"default": 1, "$dynamicRef": to}}},
    "base": lambda to: {"$id": f"{to}/x", "properties": {"a": {"$ref": "k"}}},
    "draft 7": lambda to: {"$schema": DRAFT_7, "definitions": {"x": {"$ref": to}}},
    "draft 4": lambda to: {"$schema": DRAFT_4, "id": to, "properties": {"a": {"$ref": "k"}}},
}


@pytest.fixture(scope="module")
def server():
    """An HTTP server on loopback: its address, and the paths that were asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *args):
            pass

    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}/s", asked
    served.shutdown()
    thread.join()
    served.server_close()


def use(schema, folder):
    """Do with a schema all that commands, hosts and clients do."""
    refusals = (SpecError, NoSampleError, ValueError)
    with suppress(*refusals):
        sample(schema)
    with suppress(*refusals):
        one = PayloadSchema(schema)
        one.proves_superset_of(one)
    for value in ({}, {"a": 1}, "text"):
        with suppress(*refusals):
            CompiledSchema(schema).accepts(value)
    spec = write_spec(folder, HOOK, root=schema)
    lint_kind(spec)
    with suppress(*refusals):
        sample(compile_kind(spec).hooks[0].input.schema)


@pytest.mark.parametrize("place", PLACES)
def test_an_address_in_a_schema_is_never_asked(place, server, tmp_path):
    address, asked = server
    use(PLACES[place](address), tmp_path)
    assert asked == []


@pytest.mark.parametrize("place", PLACES)
def test_a_file_that_a_schema_names_is_never_opened(place, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # To open a pipe for reading waits for a writer: a schema that is read would never come back.
    done = threading.Event()

    def run():
        use(PLACES[place](pipe.as_uri()), tmp_path)
        done.set()

    threading.Thread(target=run, daemon=True).start()
    assert done.wait(60)


def test_a_reference_to_elsewhere_is_an_error_of_the_author(server, tmp_path):
    address, asked = server
    schema = {"type": "object", "properties": {"a": {"$ref": address}}}
    found = lint_kind(write_spec(tmp_path, HOOK, root=schema))
    assert [problem.code for problem in found if problem.severity == "error"] == ["remote-ref"]
    assert asked == []
