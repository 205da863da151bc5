"""References: followed within the folder, and one self-contained document at the end."""

import pytest
from jsonschema_rs import Draft202012Validator
from specs import alias, compile_schema, field_types

from scaffold.generator import SpecError, ir

GOOD, BAD = (
    {"x": {"amount": 1, "next": {"amount": 2}}},
    {"x": {"amount": 1, "next": {"amount": "2"}}},
)
NODE = {
    "type": "object",
    "properties": {"amount": {"type": "integer"}, "next": {"$ref": "node.json"}},
}


def holds(schema):
    """Tell whether a schema, alone, accepts the good value and refuses the bad one."""
    validator = Draft202012Validator(schema)
    return validator.is_valid(GOOD) and not validator.is_valid(BAD)


def root(reference, **more):
    return {"type": "object", "properties": {"x": {"$ref": reference}}, **more}


def test_a_schema_with_local_references_is_kept_verbatim(tmp_path):
    local = {**NODE, "properties": {**NODE["properties"], "next": {"$ref": "#/$defs/node"}}}
    schema = root("#/$defs/node", **{"$defs": {"node": local}})
    kept = compile_schema(tmp_path, schema).hooks[0].input.schema
    assert kept == schema
    assert holds(kept)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"$id": "https://example.org/kinds/demo/root.json"},
        {"$id": "urn:example:root"},
        {"$defs": {"node": {"type": "null"}}},
    ],
)
def test_other_files_are_embedded_whole_with_their_own_address(tmp_path, more):
    kind = compile_schema(tmp_path, root("node.json", **more), node=NODE)
    assert holds(kind.hooks[0].input.schema)
    assert field_types(kind, "RunInput") == {"x": ir.Reference("Node")}


@pytest.mark.parametrize(
    ("reference", "more"),
    [
        ("node.json#/$defs/Inner", {"$defs": {"Inner": NODE}}),
        ("node.json#here", {"$defs": {"Inner": {**NODE, "$anchor": "here"}}}),
        ("https://example.org/node", {"$id": "https://example.org/node", **NODE}),
    ],
)
def test_parts_anchors_and_identifiers_are_found(tmp_path, reference, more):
    document = {**more}
    if "$id" in more:
        document["properties"] = {**NODE["properties"], "next": {"$ref": "#"}}
    kind = compile_schema(tmp_path, root(reference), node=document | {})
    assert isinstance(field_types(kind, "RunInput")["x"], ir.Reference)
    Draft202012Validator(kind.hooks[0].input.schema)


def test_an_anchor_is_found_in_a_file_that_has_an_identifier_of_its_own(tmp_path):
    leaf = {
        "$id": "https://example.org/leaf",
        "$defs": {"A": {"type": "integer", "$anchor": "here"}},
    }
    kind = compile_schema(tmp_path, root("leaf.json#here"), leaf=leaf)
    assert not Draft202012Validator(kind.hooks[0].input.schema).is_valid({"x": "no integer"})


def test_files_in_folders_refer_to_each_other_by_relative_paths(tmp_path):
    (tmp_path / "demo" / "schemas" / "deep").mkdir(parents=True)
    deep = {"$ref": "../leaf.json"}
    kind = compile_schema(
        tmp_path, root("deep/node.json"), **{"deep/node": deep, "leaf": NODE, "node": NODE}
    )
    assert holds(kind.hooks[0].input.schema)


def test_an_embedded_resource_is_the_base_of_its_own_references(tmp_path):
    inner = {"$id": "other/", "$defs": {"Leaf": {"type": "integer"}}, "$ref": "#/$defs/Leaf"}
    kind = compile_schema(tmp_path, root("#/$defs/inner", **{"$defs": {"inner": inner}}))
    assert field_types(kind, "RunInput")["x"] == ir.Reference("Leaf")
    assert alias(kind, "Leaf") == ir.Integer()


def test_the_meta_schema_is_known_without_being_fetched(tmp_path):
    kind = compile_schema(tmp_path, root("https://json-schema.org/draft/2020-12/schema"))
    schema = kind.hooks[0].input.schema
    assert schema == root("https://json-schema.org/draft/2020-12/schema")
    assert kind.hooks[0].input.exact
    assert Draft202012Validator(schema).is_valid({"x": {"type": "string"}})


def test_problems_in_several_files_are_reported_together(tmp_path):
    with pytest.raises(SpecError) as refusal:
        compile_schema(tmp_path, root("a.json", allOf=[{"$ref": "b.json"}]), a={"type": 1}, b="{")
    assert [problem.code for problem in refusal.value.diagnostics] == [
        "invalid-schema",
        "malformed-json",
    ]
