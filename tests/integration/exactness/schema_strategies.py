"""Strategies of Hypothesis for schemas and for JSON values."""

from hypothesis import strategies as st

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
