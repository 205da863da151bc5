"""The ledger: what types leave to their schemas, where it stands, and the schema that is left."""

import json
from dataclasses import replace

import pytest
from specs import compile_schema, write_spec

from scaffold.generator import compile_kind
from scaffold.generator._compile.contract_json import contract, with_digest
from scaffold.generator._schema.types.enforcement import report_enforcement

TEXT = {"type": "string"}
ODD = {"type": "string", "pattern": "^(?!-)"}
"""A look-ahead is in no type."""
TREE = {
    "$ref": "#/$defs/Node",
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {
                "name": ODD,
                "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            },
        },
        "Unused": {"not": {}},
    },
}


def objects(**properties):
    return {"type": "object", "properties": properties}


def payload(folder, schema, **others):
    return compile_schema(folder, schema, **others).hooks[0].input


@pytest.mark.parametrize(
    "schema",
    [
        objects(a=TEXT, b={"enum": ["x", "y"]}, c={"type": "integer", "minimum": 1}),
        {**objects(a=TEXT), "required": ["a"], "additionalProperties": False},
        {**objects(a=TEXT), "additionalProperties": {}},
        {"type": "array", "items": {"type": ["string", "null"]}, "uniqueItems": False},
        {"type": "string", "anyOf": [{"minLength": 2}, {"pattern": "^a"}]},
        objects(a={"oneOf": [TEXT, {"type": "null"}]}),
        {"$ref": "#/$defs/A", "$defs": {"A": objects(a=TEXT), "B": {"not": {}}}},
        {"type": "string", "format": "email"},
    ],
)
def test_a_type_that_enforces_all_leaves_nothing(tmp_path, schema):
    found = payload(tmp_path, schema)
    assert (found.exact, found.residual, found.left) == (False, None, ())
    assert report_enforcement(found).schema == ()


@pytest.mark.parametrize(
    ("schema", "left", "residual"),
    [
        (objects(a=ODD, b=TEXT), ["/properties/a/pattern"], {"properties": {"a": ...}}),
        (
            objects(a={"type": "array", "items": objects(b=TEXT), "uniqueItems": True}),
            ["/properties/a/uniqueItems"],
            {"properties": {"a": {"uniqueItems": True}}},
        ),
        (
            {**objects(a=TEXT, b=TEXT), "dependentRequired": {"a": ["b"]}},
            ["/dependentRequired"],
            {"dependentRequired": {"a": ["b"]}},
        ),
        (
            {**objects(a=TEXT, b=TEXT), "additionalProperties": {"type": "integer"}},
            ["/additionalProperties"],
            {"additionalProperties": {"type": "integer"}, "properties": {"a": True, "b": True}},
        ),
        (
            {"type": "object", "additionalProperties": ODD},
            ["/additionalProperties/pattern"],
            {"additionalProperties": {"pattern": "^(?!-)"}},
        ),
        (
            {"type": "array", "items": TEXT, "contains": {"const": "a"}, "minContains": 2},
            ["/contains", "/minContains"],
            {"contains": {"const": "a"}, "minContains": 2},
        ),
        (
            {**objects(a=TEXT), "if": {"required": ["a"]}, "then": {"required": ["b"]}},
            ["/if", "/then"],
            {"if": {"required": ["a"]}, "then": {"required": ["b"]}},
        ),
        (
            {**objects(a=False, b=TEXT), "required": ["b"]},
            ["/properties"],
            {"properties": {"a": False}},
        ),
        (
            TREE,
            ["/$defs/Node/properties/name/pattern"],
            {
                "$ref": "#/$defs/1",
                "$defs": {
                    "1": {
                        "properties": {
                            "name": ...,
                            "children": {"items": {"$ref": "#/$defs/1"}},
                        }
                    }
                },
            },
        ),
    ],
)
def test_what_no_type_says_is_left_and_nothing_else(tmp_path, schema, left, residual):
    expected = json.loads(json.dumps(residual, default=lambda _: {"pattern": "^(?!-)"}))
    found = payload(tmp_path, schema)
    assert found.exact
    assert list(found.left) == left
    assert found.residual == expected


@pytest.mark.parametrize(
    "schema",
    [
        {"not": {"type": "string"}},
        {**objects(a=TEXT), "$dynamicRef": "#here", "$dynamicAnchor": "here"},
        False,
    ],
)
def test_where_it_cannot_be_taken_apart_the_whole_schema_is_left(tmp_path, schema):
    found = payload(tmp_path, schema)
    assert (found.exact, found.residual) == (True, None)


def test_a_member_of_a_union_that_lacks_something_keeps_the_union_whole(tmp_path):
    schema = objects(a={"anyOf": [ODD, {"$ref": "#/$defs/N"}]})
    found = payload(tmp_path, {**schema, "$defs": {"N": {"type": "integer", "title": "N"}}})
    kept = {"anyOf": [ODD, {"$ref": "#/$defs/1"}]}
    assert found.residual == {
        "properties": {"a": kept},
        "$defs": {"1": {"type": "integer"}},
    }
    told = report_enforcement(found)
    assert told.schema[0] == "/properties/a/anyOf"
    assert {"/properties/a/anyOf/0/pattern", "/$defs/N/type"} <= {*told.schema}
    assert "/properties" in told.model


def test_keywords_of_other_files_stand_where_the_bundle_has_them(tmp_path):
    other = {"$defs": {"Name": ODD}}
    schema = objects(a={"$ref": "other.json#/$defs/Name"})
    found = payload(tmp_path, schema, other=other)
    (place,) = found.left
    step = found.schema
    for name in place.split("/")[1:]:
        step = step[name]
    assert step == ODD["pattern"]
    assert report_enforcement(found).schema == found.left


def test_what_types_enforce_is_no_part_of_the_digest(tmp_path):
    hooks = "  - {name: run, dispatch: broadcast_notify, input_schema: schemas/root.json}\n"
    kind = compile_kind(write_spec(tmp_path, hooks, root=objects(a=ODD, b=TEXT)))
    assert contract(kind)["hooks"]["run"]["input"]["residual"] == kind.hooks[0].input.residual
    (hook,) = kind.hooks
    bare = replace(kind, hooks=(replace(hook, input=replace(hook.input, residual=None)),))
    assert "residual" not in contract(bare)["hooks"]["run"]["input"]
    assert with_digest(bare).digest == kind.digest
