"""Schemas and the types they become: never stricter, named once, exact where types fall short."""

import pytest
from specs import alias, compile_schema, declared, field_types, record, write_spec

from scaffold.generator import compile_kind, ir
from scaffold.generator._schema.types.value_matches import matches_type

TEXT = ir.String()


def shape(tmp_path, schema):
    """Return the type of a property `x` with a schema, and whether the payload is exact."""
    kind = compile_schema(tmp_path, {"type": "object", "properties": {"x": schema}})
    return field_types(kind, "RunInput")["x"], kind.hooks[0].input.exact


def tagged(value, **properties):
    parts = {"tag": {"const": value}, **properties}
    return {"type": "object", "required": ["tag"], "properties": parts}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (True, ir.Anything()),
        ({}, ir.Anything()),
        ({"type": "null"}, ir.Null()),
        ({"type": "boolean"}, ir.Boolean()),
        ({"enum": [True, False]}, ir.Boolean()),
        ({"type": "integer", "minimum": 0.5, "maximum": 3}, ir.Integer(1, 3)),
        ({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 3}, ir.Integer(1, 2)),
        ({"type": "number", "minimum": 0, "maximum": 1.5}, ir.Number(0, 1.5)),
        ({"type": "number", "exclusiveMinimum": 0}, ir.Number(above=0)),
        ({"type": "number", "maximum": 2, "exclusiveMaximum": 3}, ir.Number(None, 2, below=3)),
        ({"type": ["integer", "number"]}, ir.Number()),
        ({"type": "string", "minLength": 1, "maxLength": 3.0}, ir.String(1, 3)),
        ({"type": "string", "pattern": r"^\d+$"}, ir.String(pattern="^[0-9]+$")),
        ({"type": "string", "format": "uri"}, ir.String(format="uri")),
        ({"type": ["string", "null"]}, ir.Union((TEXT, ir.Null()))),
        ({"const": "a"}, ir.Choice(("a",))),
        ({"const": None}, ir.Null()),
        ({"type": "string", "enum": ["a", "b"]}, ir.Choice(("a", "b"))),
        ({"type": "string", "enum": ["a", 1]}, ir.Choice(("a",))),
        ({"enum": ["a", None]}, ir.Choice(("a", None))),
        ({"oneOf": [{"const": "a"}, {"const": "b"}]}, ir.Choice(("a", "b"))),
        ({"type": "array"}, ir.Array(ir.Anything())),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1}, ir.Array(TEXT, 1)),
        ({"type": "object"}, ir.Map(ir.Anything())),
        ({"type": "object", "additionalProperties": {"type": "string"}}, ir.Map(TEXT)),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, ir.Union((TEXT, ir.Null()))),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, ir.Union((TEXT, ir.Null()))),
        ({"allOf": [{"type": "string"}, {"minLength": 1}]}, ir.String(1)),
        ({"type": "object", "anyOf": [{}, {"type": "string"}]}, ir.Map(ir.Anything())),
        ({"type": "string", "readOnly": True, "x-order": 1}, TEXT),
    ],
)
def test_what_types_can_say_needs_no_second_look(tmp_path, schema, expected):
    assert shape(tmp_path, schema) == (expected, False)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (False, ir.Anything()),
        ({"minLength": 3}, ir.Anything()),
        ({"properties": {"a": {}}}, ir.Anything()),
        ({"$dynamicRef": "#"}, ir.Anything()),
        ({"type": "string", "pattern": "^(?!a)"}, TEXT),
        ({"type": "string", "allOf": [{"pattern": "a"}, {"pattern": "b"}]}, ir.String(pattern="a")),
        ({"type": "integer", "multipleOf": 2}, ir.Integer()),
        ({"type": "array", "uniqueItems": True}, ir.Array(ir.Anything())),
        ({"type": "array", "contains": {}}, ir.Array(ir.Anything())),
        ({"type": "array", "prefixItems": [{}], "items": False}, ir.Array(ir.Anything())),
        ({"type": "object", "minProperties": 1}, ir.Map(ir.Anything())),
        ({"type": "object", "propertyNames": {"pattern": "a"}}, ir.Map(ir.Anything())),
        ({"type": "string", "not": {"const": "a"}}, TEXT),
        ({"type": "string", "if": {}, "then": {}}, TEXT),
        ({"const": 1}, ir.Choice((1,))),
        ({"const": 1.5}, ir.Number()),
        ({"enum": [[1]]}, ir.Array(ir.Anything())),
        ({"oneOf": [{"type": "string"}, {"enum": ["a"]}]}, ir.Union((TEXT, ir.Choice(("a",))))),
        (
            {
                "type": "object",
                "patternProperties": {"^a": {"type": "string"}},
                "additionalProperties": False,
            },
            ir.Map(TEXT),
        ),
    ],
)
def test_what_types_cannot_say_is_left_to_the_schema(tmp_path, schema, expected):
    assert shape(tmp_path, schema) == (expected, True)


def test_an_object_that_is_closed_forbids_and_an_open_one_allows(tmp_path):
    schema = {"type": "object", "properties": {"a": {}}}
    assert record(compile_schema(tmp_path, schema), "RunInput").extra == "allow"
    closed = compile_schema(tmp_path, {**schema, "additionalProperties": False})
    assert record(closed, "RunInput").extra == "forbid"
    assert not closed.hooks[0].input.exact


def test_unevaluated_properties_close_an_object_with_all_its_parts(tmp_path):
    part = {"type": "object", "properties": {"a": {"type": "string"}}}
    schema = {"allOf": [part], "properties": {"b": {}}, "unevaluatedProperties": False}
    kind = compile_schema(tmp_path, schema)
    assert record(kind, "RunInput").extra == "forbid"
    assert list(field_types(kind, "RunInput")) == ["b", "a"]


def test_parts_that_contradict_each_other_stay_open(tmp_path):
    parts = [
        {"type": "object", "properties": {name: {}}, "additionalProperties": False}
        for name in ("a", "b")
    ]
    kind = compile_schema(tmp_path, {"allOf": parts})
    assert record(kind, "RunInput").extra == "allow"
    assert kind.hooks[0].input.exact


def test_the_empty_closed_object_is_no_payload(tmp_path):
    kind = compile_schema(tmp_path, {"type": "object", "additionalProperties": False})
    assert kind.hooks[0].input.type is None
    assert kind.types == ()


def test_a_tag_tells_the_members_of_a_union_apart(tmp_path):
    schema = {"oneOf": [tagged("circle", r={"type": "number"}), tagged("square")]}
    kind = compile_schema(tmp_path, schema)
    members = (ir.Reference("RunInputCircle"), ir.Reference("RunInputSquare"))
    assert alias(kind, "RunInput") == ir.Union(members, discriminator="tag")
    assert not kind.hooks[0].input.exact
    assert kind.hooks[0].input.object


def test_one_of_some_that_overlap_is_exact(tmp_path):
    members = [{"type": "object", "properties": {name: {}}} for name in ("a", "b")]
    kind = compile_schema(tmp_path, {"oneOf": members})
    assert {"RunInputWithA", "RunInputWithB"} <= set(declared(kind))
    assert kind.hooks[0].input.exact


def test_members_that_only_require_leave_one_record(tmp_path):
    schema = {
        "type": "object",
        "properties": {"a": {}, "b": {}},
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
    }
    kind = compile_schema(tmp_path, schema)
    assert list(declared(kind)) == ["RunInput"]
    assert kind.hooks[0].input.exact


def test_a_member_carries_the_properties_beside_the_union(tmp_path):
    schema = {
        "type": "object",
        "properties": {"id": {"type": "string"}},
        "required": ["id"],
        "oneOf": [tagged("a"), tagged("b")],
    }
    kind = compile_schema(tmp_path, schema)
    assert list(field_types(kind, "RunInputA")) == ["tag", "id"]


def test_a_definition_shared_by_hooks_and_files_is_one_type(tmp_path):
    hooks = "".join(
        f"  - name: {name}\n    dispatch: singleton\n"
        f"    input_schema: schemas/{name}.json\n    output_schema: schemas/money.json\n"
        for name in ("buy", "sell")
    )
    money = {"title": "Money", "type": "object", "properties": {"amount": {"type": "integer"}}}
    order = {"type": "object", "properties": {"price": {"$ref": "money.json"}}}
    kind = compile_kind(write_spec(tmp_path, hooks, buy=order, sell=order, money=money))
    assert list(declared(kind)) == ["Money", "BuyInput", "BuyOutput", "SellInput", "SellOutput"]
    assert alias(kind, "SellOutput") == ir.Reference("Money")


def test_names_come_from_definitions_titles_and_places(tmp_path):
    inner = {"type": "object", "properties": {"a": {}}}
    schema = {
        "type": "object",
        "properties": {
            "defined": {"$ref": "#/$defs/some-thing"},
            "titled": {**inner, "title": "my title"},
            "placed": inner,
            "entries": {"type": "array", "items": inner},
            "by_name": {"type": "object", "additionalProperties": inner},
        },
        "$defs": {"some-thing": inner},
    }
    names = {"SomeThing", "MyTitle", "RunInputPlaced", "RunInputEntry", "RunInputByNameValue"}
    assert set(declared(compile_schema(tmp_path, schema))) == {"RunInput", *names}


def test_names_that_are_taken_are_told_apart_by_their_place(tmp_path):
    inner = {"type": "object", "properties": {"a": {}}}
    schema = {
        "type": "object",
        "properties": {
            "one": {**inner, "title": "Item"},
            "two": {**inner, "title": "Item"},
            "three": {"$ref": "#/$defs/DemoPlugin"},
            "four": {"$ref": "#/$defs/run_input"},
        },
        "$defs": {"DemoPlugin": inner, "run_input": inner},
    }
    names = {"Item", "RunInputTwo", "RunInputDemoPlugin", "RunInputRunInput"}
    assert set(declared(compile_schema(tmp_path, schema))) == {"RunInput", *names}


def test_a_type_may_contain_itself(tmp_path):
    tree = {"type": "object", "properties": {"children": {"$ref": "#/$defs/Trees"}}}
    schema = {
        "$ref": "#/$defs/Tree",
        "$defs": {"Tree": tree, "Trees": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
    }
    kind = compile_schema(tmp_path, schema)
    assert field_types(kind, "Tree") == {"children": ir.Reference("Trees")}
    assert not kind.hooks[0].input.exact


def test_an_alias_that_contains_itself_is_widened(tmp_path):
    schema = {"type": "array", "items": {"$ref": "#"}}
    kind = compile_schema(tmp_path, schema)
    assert alias(kind, "RunInput") == ir.Array(ir.Anything())
    assert kind.hooks[0].input.exact


def test_types_are_declared_before_they_are_used(tmp_path):
    inner = {"type": "object", "properties": {"a": {"$ref": "#/$defs/Leaf"}}}
    schema = {
        "type": "object",
        "properties": {"x": {"$ref": "#/$defs/Inner"}},
        "$defs": {"Inner": inner, "Leaf": {"enum": ["a", "b"]}},
    }
    assert list(declared(compile_schema(tmp_path, schema))) == ["Leaf", "Inner", "RunInput"]


def test_a_default_is_kept_only_where_it_fits(tmp_path):
    schema = {
        "type": "object",
        "properties": {
            "good": {"type": "integer", "default": 3},
            "null": {"type": ["integer", "null"], "default": None},
            "bad": {"type": "integer", "default": "3"},
            "none": {"type": "integer"},
        },
    }
    fields = record(compile_schema(tmp_path, schema), "RunInput").fields
    found = {field.name: (field.has_default, field.default) for field in fields}
    assert found == {
        "good": (True, 3),
        "null": (True, None),
        "bad": (False, None),
        "none": (False, None),
    }


def test_a_place_describes_better_than_the_definition(tmp_path):
    schema = {
        "type": "object",
        "properties": {
            "own": {"$ref": "#/$defs/Id", "description": "Its own."},
            "shared": {"$ref": "#/$defs/Id", "deprecated": True},
        },
        "$defs": {"Id": {"type": "string", "description": "An id."}},
    }
    own, shared = record(compile_schema(tmp_path, schema), "RunInput").fields
    assert (own.description, shared.description) == ("Its own.", "An id.")
    assert (own.deprecated, shared.deprecated) == (False, True)
    assert own.type == shared.type == ir.Reference("Id")


@pytest.mark.parametrize(
    ("value", "type", "expected"),
    [
        (1.0, ir.Integer(), True),
        (True, ir.Integer(), False),
        (1, ir.Choice((True,)), False),
        ("😀", ir.String(max_length=1), True),
        ({"a": 1}, ir.Map(TEXT), False),
    ],
)
def test_values_are_counted_as_json_schema_counts(value, type, expected):
    assert matches_type(value, type, ()) is expected
