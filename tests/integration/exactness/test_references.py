"""References to copies of what lies elsewhere, dialects of one's own, and draft 7."""

import json

import jsonschema_rs
import pytest
from boundary import generate, passes, write_spec

from scaffold.contract._payload import model

COPIES = {
    "names/name.json": {"type": "string", "pattern": "^[a-z]+$"},
    "names/list.json": {"items": {"$ref": "name.json"}},
    "renamed.json": {"$id": "https://elsewhere.test/real", "$defs": {"even": {"multipleOf": 2}}},
}


@pytest.fixture
def made(tmp_path, request):
    def make(schema, **files):
        copies = tmp_path / "copies"
        for path, content in COPIES.items():
            file = copies / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(content), encoding="utf-8")
        name = "ref_" + str(abs(hash(request.node.name)))
        remotes = {"https://example.test/schemas/": copies}
        spec = write_spec(tmp_path / "spec", name, {"echo": schema}, remotes=remotes)
        for path, content in files.items():
            file = tmp_path / "spec" / "schemas" / f"{path}.json"
            file.write_text(json.dumps(content), encoding="utf-8")
        return generate(spec, tmp_path / "made").hooks["echo"].input

    return make


@pytest.mark.parametrize(
    ("reference", "good", "bad"),
    [
        ("https://example.test/schemas/names/name.json", '"ada"', '"Ada"'),
        ("https://example.test/schemas/names/list.json", '["ada"]', '["Ada"]'),
        ("https://example.test/schemas/renamed.json#/$defs/even", "4", "3"),
        ("https://elsewhere.test/real#/$defs/even", "4", "3"),
    ],
)
def test_a_copy_in_a_folder_stands_for_what_a_uri_means(made, reference, good, bad):
    guard = made({"$ref": reference})
    assert passes(guard, good)
    assert not passes(guard, bad)


def test_a_dynamic_reference_may_lead_to_another_file(made):
    guard = made({"$dynamicRef": "other.json#/$defs/x"}, other={"$defs": {"x": {"const": 1}}})
    assert passes(guard, "1")
    assert not passes(guard, "2")


def test_a_dialect_without_a_vocabulary_asks_for_none_of_its_keywords(made):
    vocabularies = ["core", "applicator", "unevaluated"]
    prefix = "https://json-schema.org/draft/2020-12/vocab/"
    dialect = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://example.test/dialect",
        "$vocabulary": {prefix + name: True for name in vocabularies},
    }
    schema = {"properties": {"a": {"type": "string"}}, "unevaluatedProperties": False}
    guard = made({"$schema": dialect["$id"], **schema}, dialect=dialect)
    assert passes(guard, '{"a":1}')
    assert not passes(guard, '{"b":1}')


DRAFT_7 = [
    {"items": [{"type": "string"}], "additionalItems": {"type": "integer"}},
    {"items": {"type": "integer"}, "additionalItems": False},
    {"additionalItems": False},
    {"dependencies": {"a": ["b"], "b": {"required": ["c"]}, "c": False}},
    {"definitions": {"a": {"type": "string"}}, "$ref": "#/definitions/a", "maxLength": 1},
    {"definitions": {"a": {"$id": "#here", "type": "string"}}, "items": {"$ref": "#here"}},
    {"prefixItems": [False], "unevaluatedProperties": False, "minContains": 0},
    {"contains": {"type": "integer"}, "minContains": 2, "maxContains": 0},
    {"dependentRequired": {"a": ["z"]}, "dependentSchemas": {"a": False}},
    {"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"maxProperties": 0}},
    {"properties": {"a": {"items": [{"const": 1}, True], "additionalItems": {"const": 2}}}},
    {"propertyNames": {"enum": ["a", "b"]}, "format": "email", "$comment": "both"},
    {"const": {"items": [1], "$schema": "kept"}},
]
INSTANCES = [
    *(1, "a", "ab", [], ["a"], ["a", 1], ["a", "b"], [1, 2], [1], {}, {"a": 1}, {"b": 1}),
    *({"a": 1, "b": 1}, {"a": 1, "b": 1, "c": 1}, {"a": [1, 3]}, {"a": [1, 3, 2]}, {"a": [2]}),
    {"items": [1], "$schema": "kept"},
]


@pytest.mark.parametrize("schema", DRAFT_7, ids=lambda schema: next(iter(schema)))
def test_a_schema_of_draft_7_means_what_draft_7_says(made, schema):
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", **schema}
    validator = jsonschema_rs.Draft7Validator(schema, validate_formats=False)
    guard = made(schema)
    for instance in INSTANCES:
        expected = validator.is_valid(instance)
        assert passes(guard, json.dumps(instance)) is expected, instance


@pytest.mark.parametrize(
    ("text", "valid"),
    [('{"x1":1}', True), ('{"x1":"a"}', False), ('{"y":"a"}', True), ('{"y":1}', False)],
)
def test_what_additional_properties_must_be_is_not_asked_of_those_that_a_pattern_names(
    made, text, valid
):
    guard = made(
        {
            "type": "object",
            "patternProperties": {"^x": {"type": "integer"}},
            "additionalProperties": {"type": "string"},
        }
    )
    assert passes(guard, text) is valid


@pytest.mark.parametrize("few", [0, model.MAX_SEARCHED_NAMES])
@pytest.mark.parametrize(
    "text",
    [
        '{"content_type":5}',
        '{"":"a","content_type":5}',
        '{"content-type":"a","content_type":5}',
        '{"content_type":null,"parts":[{"class_":[1]},{"class":"b","class_":2},{"class":"x"}]}',
        '{"more":{"a":{"class_":1},"b":{}}}',
        '{"\\u0063ontent_type":1}',
        '{"more":{"class":{"class_":"\\u0061"}},"content-type":"a"}',
    ],
)
def test_a_property_that_is_called_as_python_calls_another_is_no_other(
    made, text, few, monkeypatch
):
    monkeypatch.setattr(model, "MAX_SEARCHED_NAMES", few)
    part = {"type": "object", "properties": {"class": {"type": "string", "default": "x"}}}
    properties = {
        "": {"type": "string"},
        "content-type": {"type": "string"},
        "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
        "more": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Part"}},
    }
    guard = made({"type": "object", "properties": properties, "$defs": {"Part": part}})
    assert passes(guard, text)
