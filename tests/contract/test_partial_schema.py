"""What cannot be compiled of a schema is left out, and nothing gets stricter by that."""

import pytest

from scaffold.contract._validation.partial_schema import PartialSchema

ATOMIC = "(?>a)"
"""A pattern that servers in Python know, and the compiler does not."""

LEFT_OUT = {
    "type": {"type": "any"},
    "required of draft 3": {"properties": {"n": {"required": True}}},
    "pattern": {"pattern": ATOMIC},
    "patternProperties": {"patternProperties": {ATOMIC: {"type": "string"}}},
    "reference to another host": {"$ref": "https://example.com/x.json"},
    "reference to nowhere": {"$ref": "#/$defs/none"},
    "dynamic reference to nowhere": {"$dynamicRef": "#none"},
    "dialect": {"$schema": "https://example.com/dialect"},
    "dialect that is a number": {"$schema": 7},
    "name": {"$id": "%%% :"},
    "schema that is a number": {"properties": {"n": 7}},
    "properties that are a list": {"properties": ["n"]},
    "member of anyOf": {"anyOf": [{"pattern": ATOMIC}, {"type": "object"}]},
    "member of allOf": {"allOf": [{"pattern": ATOMIC}, {"type": "object"}]},
    "definition": {"$ref": "#/$defs/a", "$defs": {"a": {"pattern": ATOMIC}}},
    "enum": {"enum": "ab"},
    "minimum": {"properties": {"n": {"minimum": "1"}}},
    "dependencies": {"dependentRequired": {"a": "b"}},
}


@pytest.mark.parametrize("part", LEFT_OUT.values(), ids=LEFT_OUT)
def test_a_keyword_that_cannot_be_compiled_is_left_out_and_the_rest_is_kept(part):
    kept = {"properties": {"m": {"type": "string"}}, "required": ["m"]}
    schema = PartialSchema({"allOf": [kept], **part} if "allOf" not in part else {**part, **kept})
    assert schema.left_out
    assert schema.accepts({"m": "text", "n": "text"})
    assert not schema.accepts({"m": 7})
    assert not schema.accepts({})


STRICTER = {
    "not": ({"not": {"pattern": ATOMIC}}, "text"),
    "not, by reference": (
        {"not": {"$ref": "#/$defs/a"}, "$defs": {"a": {"pattern": ATOMIC}}},
        "text",
    ),
    "oneOf": ({"oneOf": [{"pattern": ATOMIC}, {"type": "string"}]}, "text"),
    "if": ({"if": {"pattern": ATOMIC}, "then": {"type": "integer"}}, "text"),
    "additionalProperties": (
        {"patternProperties": {ATOMIC: {}}, "additionalProperties": False},
        {"a": 1},
    ),
    "unevaluatedProperties": (
        {"allOf": [{"$ref": "https://example.com/x"}], "unevaluatedProperties": False},
        {"a": 1},
    ),
    "items": ({"prefixItems": 7, "items": {"type": "integer"}}, ["text"]),
    "maxContains": ({"contains": {"pattern": ATOMIC}, "maxContains": 1}, ["a", "a"]),
    "neighbours of a reference in draft 7": (
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "properties": {"n": {"$ref": "https://example.com/x", "type": "string"}},
        },
        {"n": 7},
    ),
}


@pytest.mark.parametrize(("schema", "value"), STRICTER.values(), ids=STRICTER)
def test_nothing_gets_stricter_because_something_is_left_out(schema, value):
    partial = PartialSchema(schema)
    assert partial.left_out
    assert partial.accepts(value)


@pytest.mark.parametrize("name", ["not", "if", "oneOf", "const", "$ref"])
def test_properties_with_the_names_of_keywords_are_kept(name):
    known = {name: {"type": "integer"}, "n": {"pattern": ATOMIC}}
    partial = PartialSchema({"properties": known, "additionalProperties": False})
    assert partial.accepts({name: 1, "n": "b"})
    assert not partial.accepts({name: "text"})


def test_a_schema_that_compiles_is_left_as_it_is():
    schema = {"type": "object", "not": {"required": ["a"]}}
    partial = PartialSchema(schema)
    assert partial.left_out == []
    assert partial.document is schema


@pytest.mark.parametrize("document", [7, "text", [], None])
def test_what_is_not_a_schema_accepts_everything(document):
    partial = PartialSchema(document)
    assert "all of it" in str(partial)
    assert partial.accepts({"n": 1})


def test_a_schema_with_too_much_to_leave_out_is_not_checked_at_all():
    document = {"properties": {f"p{n}": {"pattern": ATOMIC} for n in range(60)}}
    partial = PartialSchema(document)
    assert partial.accepts({"p1": 7})
    assert "and 46 more" in str(partial)
    assert document["properties"]["p1"] == {"pattern": ATOMIC}
