"""The second pass reads what a residual looks at, and the schema has the last word."""

import json
from typing import Any

import pytest
from msgspec.json import Decoder

from scaffold.contract import Dispatch, Hook, InvalidInput, Json, Kind, Model
from scaffold.contract._payload.partial_decoder import MAX_PLACES, partial_type

VALUE = {
    "a": {"b": [{"c": "x", "d": 1}, 2], "e": True},
    "f": [1, {"g": 2.5}],
    "h": "text",
}


@pytest.mark.parametrize(
    ("schema", "seen"),
    [
        ({"properties": {"h": {"pattern": "^t"}}}, {"h": "text"}),
        ({"properties": {"a": {"properties": {"e": {"const": 1}}}}}, {"a": {"e": True}}),
        (
            {"properties": {"a": {"properties": {"b": {"items": {"properties": {"c": False}}}}}}},
            {"a": {"b": [{"c": "x"}, 2]}},
        ),
        ({"properties": {"f": {"uniqueItems": True}}}, {"f": VALUE["f"]}),
        (
            {"required": ["h"], "properties": {"a": {"required": ["e"]}}},
            {"a": {"e": True}, "h": "text"},
        ),
        ({"allOf": [{"properties": {"h": {}}}, {"not": {"required": ["e"]}}]}, {"h": "text"}),
        ({"dependentRequired": {"h": ["x"]}}, {"h": "text"}),
        ({"maxProperties": 2}, {"a": {}, "f": VALUE["f"], "h": "text"}),
        ({"propertyNames": {"maxLength": 1}}, {"a": {}, "f": VALUE["f"], "h": "text"}),
        (
            {"additionalProperties": {"maxProperties": 1}, "properties": {"f": {"items": {}}}},
            {"a": {"b": VALUE["a"]["b"], "e": True}, "f": [1, {}], "h": "text"},
        ),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"required": ["h"]}}}, {"h": "text"}),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"items": {"$ref": "#/$defs/A"}}}}, {}),
        ({"const": 1}, VALUE),
        ({"whatever": 1}, VALUE),
        ({"properties": {f"p{n}": {} for n in range(MAX_PLACES)}}, VALUE),
    ],
)
def test_what_a_schema_looks_at_is_decoded_and_no_more(schema, seen):
    assert Decoder(partial_type(schema)).decode(json.dumps(VALUE)) == seen


@pytest.mark.parametrize("value", [None, True, 1, -0.5, 10**30, "text", [], [1, [2]], {}, {"x": 1}])
def test_any_value_can_be_looked_at(value):
    for schema in (True, {"properties": {"a": {}}}, {"items": {"minLength": 1}}, {"minItems": 1}):
        decoded = Decoder(partial_type(schema)).decode(json.dumps(value))
        assert type(decoded) is type(value)
        assert isinstance(value, dict | list) or decoded == value


class Named(Model):
    name: str
    note: str = ""


SCHEMA = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string", "pattern": "^a"}, "note": {"type": "string"}},
}


def guard_of(form: Any, residual: Json = None, **more: Json) -> Any:
    told = {"empty": False, "object": True, "exact": True, "schema": SCHEMA, **more}
    told |= {} if residual is None else {"residual": residual}
    hook = Hook[Json, Json]("probe", Dispatch.SINGLETON, input=form, exact_input=True)
    Kind("probe", "1.0.0", (hook,), digest="0", contract={"hooks": {"probe": {"input": told}}})
    return hook.input


RESIDUAL = {"properties": {"name": {"pattern": "^a"}}}


@pytest.mark.parametrize("residual", [None, RESIDUAL])
def test_a_payload_is_held_to_all_of_its_schema_with_and_without_a_residual(residual):
    guard = guard_of(Named, residual)
    assert guard.dump(guard.load('{"name":"ab","x":NaN1}'.replace("NaN1", "[1]"))) == (
        b'{"name":"ab","x":[1]}'
    )
    for wrong, rules in [
        ('{"name":"b"}', ["pattern"]),
        ('{"name":"b","note":1}', ["pattern", "type"]),
        ('{"note":"b"}', ["required"]),
        ('{"name":"ab","x":NaN}', ["json"]),
        ('{"name":"ab","x":"\\ud800"}', ["json"]),
        ('{"name":"ab","name":"b"}', ["pattern"]),
    ]:
        with pytest.raises(InvalidInput) as refused:
            guard.load(wrong)
        assert [problem.rule for problem in refused.value.problems] == rules
    with pytest.raises(InvalidInput):
        guard.dump(Named(name="b"))
    assert guard.load('{"name":"b","name":"ab"}').name == "ab"


def test_where_the_residual_refuses_the_schema_has_the_last_word():
    guard = guard_of(Named, {"properties": {"name": {"pattern": "^z"}}})
    assert guard.load('{"name":"ab"}').name == "ab"
    assert guard.dump(Named(name="ab")) == b'{"name":"ab"}'


def test_a_payload_without_types_is_held_to_the_whole_schema():
    guard = guard_of(Json, RESIDUAL)
    with pytest.raises(InvalidInput):
        guard.load('{"name":"a","note":1}')
