"""Any schema, any instance: the generated boundary and the exact validator agree."""

import json
from itertools import count

import jsonschema_rs
from boundary import generate, passes, write_spec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaffold.generator import SpecError

NAMES = st.sampled_from(["a", "b", "schema", "model_x", "_c", "class", "A", "é", "x y"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.0, 1.0, -1.5, 2.5, 10**20, 1e20])
    | st.sampled_from(["", "a", "ab", "abc", "1", "é", "\U0001f600"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
SIZES = st.integers(0, 3)
BOUNDS = st.integers(-2, 2) | st.sampled_from([0.5, 1.0, -1.5])
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
PATTERNS = st.sampled_from(["^a", "b$", "^[a-c]*$", "", "^(?!b)", r"^\w.?$", r"[^\d]"])


def schemas_with(inner):
    several = st.lists(inner, min_size=1, max_size=3)
    named = st.dictionaries(NAMES, inner, max_size=3)
    keywords = {
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "enum": st.lists(VALUES, min_size=1, max_size=4),
        "const": VALUES,
        "minimum": BOUNDS,
        "exclusiveMinimum": BOUNDS,
        "maximum": BOUNDS,
        "exclusiveMaximum": BOUNDS,
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "minLength": SIZES,
        "maxLength": SIZES,
        "pattern": PATTERNS,
        "format": st.sampled_from(["date-time", "email", "uuid", "int32"]),
        "items": inner,
        "prefixItems": several,
        "contains": inner,
        "minContains": SIZES,
        "maxContains": SIZES,
        "minItems": SIZES,
        "maxItems": SIZES,
        "uniqueItems": st.booleans(),
        "unevaluatedItems": inner,
        "properties": named,
        "patternProperties": st.dictionaries(PATTERNS, inner, max_size=2),
        "additionalProperties": inner,
        "unevaluatedProperties": inner,
        "propertyNames": inner,
        "required": st.lists(NAMES, max_size=3, unique=True),
        "dependentRequired": st.dictionaries(
            NAMES, st.lists(NAMES, max_size=2, unique=True), max_size=2
        ),
        "dependentSchemas": named,
        "minProperties": SIZES,
        "maxProperties": SIZES,
        "allOf": several,
        "anyOf": several,
        "oneOf": several,
        "not": inner,
        "if": inner,
        "then": inner,
        "else": inner,
        "$ref": st.sampled_from(["#/$defs/One", "#/$defs/Two"]),
        "default": VALUES,
        "title": st.sampled_from(["One", "a thing", "Model"]),
        "description": st.text(max_size=10),
    }
    picked = st.lists(st.sampled_from(sorted(keywords)), max_size=4, unique=True)
    return picked.flatmap(
        lambda names: st.fixed_dictionaries({name: keywords[name] for name in names})
    )


SCHEMAS = st.recursive(st.booleans() | schemas_with(st.booleans()), schemas_with, max_leaves=6)


@st.composite
def documents(draw):
    """A schema whose references lead to definitions that do not lead on."""
    schema = draw(schemas_with(SCHEMAS))
    plain = st.booleans() | schemas_with(st.booleans())
    ends = plain.filter(lambda one: isinstance(one, bool) or "$ref" not in one)
    return {**schema, "$defs": {"One": draw(ends), "Two": draw(ends)}}


NUMBERS = count()


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[*HealthCheck],
)
@given(
    schemas=st.lists(documents(), min_size=8, max_size=8),
    values=st.lists(VALUES, min_size=30, max_size=30),
)
def test_the_boundary_agrees_with_the_validator(tmp_path_factory, schemas, values):
    folder, name = tmp_path_factory.getbasetemp(), f"drawn_{next(NUMBERS)}"
    hooks = {f"hook_{number}": schema for number, schema in enumerate(schemas)}
    kind = generate(write_spec(folder / "specs" / name, name, hooks), folder / "drawn")
    for hook, schema in hooks.items():
        validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=False)
        for value in values:
            expected = validator.is_valid(value)
            text = json.dumps(value)
            assert passes(kind.hooks[hook].input, text) is expected, (schema, value)


TEXTS = st.text(max_size=60) | st.sampled_from(
    ['"""', "\\", "{{ x }}", "{% end", "'", "\n\n", "#", "\\N{DASH}", "\u2028", "\ud800", "\x00"]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[*HealthCheck])
@given(texts=st.lists(TEXTS, min_size=9, max_size=9), property_name=TEXTS)
def test_text_in_a_free_field_never_breaks_generation(tmp_path_factory, texts, property_name):
    name = f"worded_{next(NUMBERS)}"
    schema = {
        "title": texts[0],
        "description": texts[1],
        "$comment": texts[2],
        "type": "object",
        "properties": {
            property_name: {"description": texts[3], "type": "string", "default": texts[4]},
            "choice": {"enum": [texts[5], "other"], "title": texts[0]},
        },
        "examples": [texts[6]],
    }
    spec = {
        "kind": name,
        "kind_api_version": "1.0.0",
        "description": texts[7],
        "hooks": [
            {
                "name": "say",
                "dispatch": "singleton",
                "description": texts[8],
                "deprecated": texts[1],
                "errors": [{"code": "refused", "description": texts[2]}],
                "input_schema": schema,
                "output_schema": schema,
            }
        ],
    }
    folder = tmp_path_factory.getbasetemp() / "specs" / name
    folder.mkdir(parents=True)
    path = folder / "v1.yaml"
    path.write_text(json.dumps(spec), encoding="utf-8")
    try:
        kind = generate(path, tmp_path_factory.getbasetemp() / "worded")
    except SpecError as error:
        refused = error
    else:
        refused = None
    if refused is not None:
        assert {one.code for one in refused.diagnostics} <= {"half-character", "malformed-yaml"}
        return
    assert passes(kind.hooks["say"].input, json.dumps({property_name: texts[5]}))
    assert passes(kind.hooks["say"].input, json.dumps({"choice": texts[5]}))
