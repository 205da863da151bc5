"""Schemas in descriptions of APIs: each is read in the dialect of its version of OpenAPI."""

import json

import pytest
import yaml
from specs import write_spec

from scaffold.contract._validation.validator import CompiledSchema
from scaffold.generator import compile_kind
from scaffold.generator._lint.lint import lint_kind
from scaffold.generator._schema.samples.sample_values import sample

VERSIONS = {
    "2.0": ({"swagger": "2.0"}, "definitions"),
    "3.0": ({"openapi": "3.0.3"}, "components/schemas"),
    "3.1": ({"openapi": "3.1.0"}, "components/schemas"),
}
WRITERS = {"json": json.dumps, "yaml": yaml.safe_dump}


def spec(folder, version, schemas, form="json"):
    """Write a description of an API, and a hookspec whose hook takes its schema `Thing`."""
    head, place = VERSIONS[version]
    *around, last = place.split("/")
    description = {last: schemas}
    for name in reversed(around):
        description = {name: description}
    text = WRITERS[form]({**head, "info": {"title": "An API", "version": "1"}, **description})
    hooks = (
        "  - name: run\n    description: Runs.\n    dispatch: broadcast_notify\n"
        f"    input_schema: api.{form}#/{place}/Thing\n"
    )
    path = write_spec(folder, hooks)
    (path.parent / f"api.{form}").write_text(text, "utf-8")
    return path


def accepts(path, value):
    return CompiledSchema(compile_kind(path).hooks[0].input.schema).accepts(value)


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_reference_leads_into_a_description_by_pointer(tmp_path, version, form):
    inner = f"#/{VERSIONS[version][1]}/Name"
    thing = {"type": "object", "required": ["name"], "properties": {"name": {"$ref": inner}}}
    schemas = {"Thing": thing, "Name": {"type": "string", "maxLength": 3}}
    path = spec(tmp_path, version, schemas, form)
    assert accepts(path, {"name": "abc"})
    assert not accepts(path, {"name": "abcd"})
    assert not accepts(path, {})


@pytest.mark.parametrize("version", VERSIONS)
def test_a_bound_that_is_exclusive_as_in_draft_4_is_read_as_meant(tmp_path, version):
    number = {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 9}
    thing = {"type": "object", "properties": {"n": {**number, "exclusiveMaximum": False}}}
    path = spec(tmp_path, version, {"Thing": thing})
    assert [accepts(path, {"n": n}) for n in (0, 0.5, 9, 9.5)] == [False, True, True, False]


def test_a_bound_of_3_1_may_stand_next_to_another(tmp_path):
    thing = {"type": "object", "properties": {"n": {"minimum": 3, "exclusiveMinimum": 5}}}
    path = spec(tmp_path, "3.1", {"Thing": thing})
    assert [accepts(path, {"n": n}) for n in (5, 6)] == [False, True]
    assert all(problem.code != "former-keyword" for problem in lint_kind(path))


def test_words_of_former_drafts_in_a_description_of_3_1_are_warned_of(tmp_path):
    thing = {
        "type": "object",
        "description": "A thing.",
        "$recursiveAnchor": True,
        "required": ["n", "n"],
        "properties": {
            "n": {
                "type": "integer",
                "description": "A count.",
                "minimum": 1,
                "exclusiveMinimum": True,
            }
        },
    }
    path = spec(tmp_path, "3.1", {"Thing": thing})
    found = [problem for problem in lint_kind(path) if problem.code == "former-keyword"]
    assert sorted(problem.message.split("'")[1] for problem in found) == [
        "$recursiveAnchor",
        "exclusiveMinimum",
        "required",
    ]
    assert {problem.severity for problem in found} == {"warning"}
    schema = compile_kind(path).hooks[0].input.schema
    assert CompiledSchema(schema).accepts(sample(schema))
    assert not accepts(path, {"n": 1})


@pytest.mark.parametrize(
    "wrong", [{"exclusiveMinimum": "0"}, {"required": [1, 1]}, {"minimum": True}]
)
def test_what_no_draft_allows_is_refused_in_a_description_as_well(tmp_path, wrong):
    path = spec(tmp_path, "3.1", {"Thing": {"type": "object", "properties": {"n": wrong}}})
    assert "invalid-schema" in {problem.code for problem in lint_kind(path)}


def test_the_words_that_openapi_adds_are_known_in_descriptions_only(tmp_path):
    words = {"example": {}, "xml": {"name": "x"}, "externalDocs": {"url": "https://x.test"}}
    thing = {"type": "object", "description": "A thing.", **words, "discriminator": {}}
    path = spec(tmp_path, "3.1", {"Thing": thing})
    assert all(problem.code != "unknown-keyword" for problem in lint_kind(path))
    (tmp_path / "plain").mkdir()
    hooks = "  - {name: run, dispatch: broadcast_notify, input_schema: schemas/thing.json}\n"
    plain = write_spec(tmp_path / "plain", hooks, thing=thing)
    assert "unknown-keyword" in {problem.code for problem in lint_kind(plain)}
