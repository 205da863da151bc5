"""Samples: valid, the same every time, and as an author would have them."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from scaffold.generator import compile_kind, find_kind, list_kinds, shipped_hookspecs
from scaffold.generator._schema.samples.pattern_sampler import matching_text
from scaffold.generator._schema.samples.sample_values import NoSampleError, sample

FOLDERS = [shipped_hookspecs()]
RECURSIVE = {"type": "object", "properties": {"next": {"$ref": "#"}}}


def payloads():
    for name in sorted(list_kinds(FOLDERS)):
        for hook in compile_kind(find_kind(name, FOLDERS)).hooks:
            yield pytest.param(hook.input.schema, id=f"{name}.{hook.name}.input")
            yield pytest.param(hook.output.schema, id=f"{name}.{hook.name}.output")


@pytest.mark.parametrize("schema", list(payloads()))
def test_samples_of_shipped_kinds_are_valid_and_steady(schema):
    value = sample(schema)
    assert Draft202012Validator(schema, validate_formats=True).is_valid(value)
    assert sample(schema) == value


def test_the_sample_of_a_tool_calls_a_function_that_its_sample_lists():
    listing, call = compile_kind(find_kind("tool", FOLDERS)).hooks
    functions = {function["name"]: function for function in sample(listing.output.schema)}
    chosen = functions[sample(call.input.schema)["function"]]
    assert Draft202012Validator(chosen["parameters"]).is_valid(sample(call.input.schema)["args"])


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "example"),
        ({"type": "string", "minLength": 10}, "example ex"),
        ({"type": "string", "maxLength": 3}, "exa"),
        ({"type": "string", "format": "date-time"}, "2026-01-31T12:00:00Z"),
        ({"type": "string", "pattern": "^[A-Z]{3}-[0-9]{2}$"}, "AAA-00"),
        ({"type": "string", "pattern": "^a+$", "minLength": 4}, "aaaa"),
        (
            {
                "type": "object",
                "required": ["symbol"],
                "properties": {"symbol": {"type": "string", "pattern": "^[A-Z]{1,5}$"}},
            },
            {"symbol": "A"},
        ),
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 7}, 7),
        ({"type": "integer", "exclusiveMinimum": 7, "multipleOf": 5}, 10),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.1}, 0.05),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"enum": ["b", "a"]}, "b"),
        ({"type": "string", "examples": [3, "fits"], "default": "no"}, "fits"),
        ({"type": "array", "items": {"type": "string"}}, ["example"]),
        ({"type": "array", "maxItems": 0}, []),
        (
            {"type": "array", "items": {"enum": [1, 2, 3]}, "uniqueItems": True, "minItems": 2},
            [1, 2],
        ),
        ({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}], "items": False}, [1, 2]),
        ({"type": "array", "contains": {"const": 7}, "items": {"type": "integer"}}, [7]),
        ({"type": "object", "properties": {"a": {}}}, {}),
        ({"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]}, {"a": 1}),
        ({"type": "object", "minProperties": 1}, {"key_1": "example"}),
        ({"type": "object", "properties": {"a": {"const": 1}}, "minProperties": 1}, {"a": 1}),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, "example"),
        ({"type": "string", "not": {"const": "example"}, "pattern": ""}, "Example"),
        (RECURSIVE, {}),
    ],
)
def test_a_sample_is_simple_and_valid(schema, expected):
    assert sample(schema) == expected
    assert Draft202012Validator(schema).is_valid(expected)


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"type": "string", "minLength": 3, "maxLength": 2},
        {**RECURSIVE, "required": ["next"]},
        {"anyOf": [{"allOf": [{"const": 1}, {"const": 2}]}]},
    ],
)
def test_a_schema_that_nothing_fits_is_said_to_have_no_sample(schema):
    with pytest.raises(NoSampleError, match="give the schema examples"):
        sample(schema)


@settings(max_examples=60, deadline=None)
@given(
    st.from_regex(
        r"\^?([a-z]|\[[a-z]-?[0-9]\]|\(\?:x\|y\)|\\[dws]|\.|[a-z][*+?]|[a-z]\{1,3\}){1,6}\$?",
        fullmatch=True,
    )
)
def test_texts_match_the_patterns_that_people_write(pattern):
    schema = {"pattern": pattern}
    if Draft202012Validator({"format": "regex"}, validate_formats=True).is_valid(pattern):
        assert Draft202012Validator(schema).is_valid(matching_text(pattern))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "minLength": 10**9},
        {"type": "string", "minLength": 10**9, "pattern": "^a*$"},
        {"type": "string", "minLength": 9000, "pattern": "^(ab)+$"},
        {"type": "array", "minItems": 10**9},
        {"type": "object", "minProperties": 10**9},
        {"type": "object", "required": ["a"], "properties": {"a": {"minItems": 1e12}}},
    ],
)
def test_a_sample_is_never_longer_than_anybody_would_read(schema):
    with suppress(NoSampleError):
        assert len(json.dumps(sample(schema))) < 100_000


def test_each_part_is_valid_before_parts_are_combined():
    text = {"type": "string", "pattern": "^[A-Z]{2}[0-9]{32}$"}
    other = {"type": "string", "pattern": "^x-[0-9]{3}$", "minLength": 5}
    schema = {
        "type": "object",
        "properties": {
            "one": text,
            "two": other,
            "three": {"type": "integer", "minimum": 7, "multipleOf": 5},
            "four": {"type": "number", "exclusiveMinimum": 2, "maximum": 3},
            "five": {"type": "string", "minLength": 30, "maxLength": 31},
        },
        "required": ["one", "two", "three", "four", "five"],
    }
    assert Draft202012Validator(schema).is_valid(sample(schema))


def test_a_part_fits_exactly_one_member_before_it_is_combined():
    common = {"type": "object", "properties": {name: {"type": "string"} for name in "abcdefgh"}}
    one = {"properties": {"data": {"type": "object", "required": ["script"]}}}
    two = {"properties": {"data": {"type": "object", "required": ["job"]}}}
    action = {"oneOf": [{"allOf": [common, one]}, {"allOf": [common, two]}]}
    schema = {"type": "object", "properties": {"action": action}, "required": ["action"]}
    assert Draft202012Validator(schema).is_valid(sample(schema))


TEXT = {"type": "string"}
FEATURES = {
    "if and then": {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": ["card", "cash"]}},
        "if": {"properties": {"kind": {"const": "card"}}},
        "then": {"required": ["number"], "properties": {"number": {"type": "string"}}},
    },
    "if and else": {
        "type": "object",
        "properties": {"kind": {"const": "cash"}},
        "if": {"required": ["kind"]},
        "then": False,
        "else": {"required": ["number"]},
    },
    "names that need others": {
        "type": "object",
        "required": ["a"],
        "properties": {"a": TEXT, "b": TEXT, "c": {"type": "integer", "minimum": 7}},
        "dependentRequired": {"a": ["b"], "b": ["c"]},
    },
    "schemas that names need": {
        "type": "object",
        "required": ["a"],
        "properties": {"a": TEXT},
        "dependentSchemas": {"a": {"required": ["b"], "properties": {"b": {"const": 3}}}},
    },
    "names of a pattern": {
        "type": "object",
        "minProperties": 2,
        "propertyNames": {"pattern": "^[a-z]{3}-[0-9]+$"},
        "additionalProperties": {"type": "integer", "minimum": 5},
    },
    "values by pattern of their name": {
        "type": "object",
        "minProperties": 1,
        "patternProperties": {"^x-[a-z]+$": {"type": "integer", "exclusiveMinimum": 4}},
        "additionalProperties": False,
    },
    "something contained": {"type": "array", "contains": {"const": "x"}, "items": TEXT},
    "several contained": {
        "type": "array",
        "contains": {"type": "integer", "minimum": 10},
        "minContains": 2,
        "maxContains": 3,
        "uniqueItems": True,
    },
    "several patterns": {
        "type": "string",
        "allOf": [{"pattern": "^[A-Z]"}, {"pattern": "[0-9]$"}],
        "minLength": 4,
    },
    "patterns of several properties": {
        "type": "object",
        "required": ["id", "date", "sid"],
        "properties": {
            "id": {"type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}$"},
            "date": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"},
            "sid": {"type": "string", "pattern": "^AC[0-9a-fA-F]{32}$", "minLength": 34},
        },
    },
    "bounds": {
        "type": "object",
        "required": ["a", "b"],
        "properties": {
            "a": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
            "b": {"type": "integer", "minimum": 7, "maximum": 13, "multipleOf": 6},
        },
    },
    "exactly one": {
        "oneOf": [
            {"type": "object", "required": ["a"], "properties": {"a": TEXT}},
            {"type": "object", "required": ["a", "b"], "properties": {"a": TEXT}},
        ]
    },
    "not": {"type": "string", "not": {"enum": ["", "a", "example"]}},
    "a pattern with a bounded repeat and a length": {
        "type": "string",
        "pattern": "^[a-z]{1,64}$",
        "minLength": 10,
    },
    "a pattern with other alphabets": {
        "type": "string",
        "pattern": r"^[\u0430-\u044f]{2}[\u4e00-\u9fa5]$",
    },
    "many different numbers": {
        "type": "array",
        "items": {"type": "integer", "minimum": 1, "maximum": 20},
        "minItems": 20,
        "uniqueItems": True,
    },
    "many different texts": {"type": "array", "items": TEXT, "minItems": 20, "uniqueItems": True},
    "many different objects": {
        "type": "array",
        "items": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}},
        "minItems": 4,
        "uniqueItems": True,
    },
    "numbers but some": {"type": "integer", "minimum": 0, "not": {"enum": [0, 1, 2]}},
    "nothing unevaluated": {
        "allOf": [{"properties": {"a": TEXT}, "required": ["a"]}],
        "properties": {"b": {"type": "boolean"}},
        "required": ["b"],
        "unevaluatedProperties": False,
    },
}


@pytest.mark.parametrize(
    "pattern", [r"^\u{1F600}$", r"^\u{}$", r"\u{12", r"\u12", r"\xZZ", r"[a-\u{41}]"]
)
def test_a_pattern_of_another_dialect_is_no_crash(pattern):
    matching_text(pattern)


@pytest.mark.parametrize("name", FEATURES)
def test_a_sample_keeps_to_every_keyword(name):
    schema = FEATURES[name]
    value = sample(schema)
    assert Draft202012Validator(schema).is_valid(value), value
