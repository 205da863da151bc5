"""The keywords of JSON Schema 2020-12, by what they hold and by what they do."""

from collections.abc import Callable
from urllib.parse import urlsplit

from scaffold.generator._source.json_values import is_list, is_object
from scaffold.generator._source.source_text import Pointer
from scaffold.generator.ir import Json

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_ONE_TEXT = """
    additionalProperties propertyNames items contains not if then else unevaluatedItems
    unevaluatedProperties contentSchema
"""
_ANNOTATION_TEXT = """
    $schema $id $anchor $dynamicAnchor $vocabulary $comment $defs definitions title description
    default deprecated readOnly writeOnly examples format contentEncoding contentMediaType
    contentSchema
"""
_ASSERTION_TEXT = """
    $ref $dynamicRef type enum const allOf anyOf oneOf not if then else properties
    patternProperties additionalProperties propertyNames unevaluatedProperties required
    dependentRequired dependentSchemas dependencies minProperties maxProperties items prefixItems
    contains minContains maxContains unevaluatedItems uniqueItems minItems maxItems minLength
    maxLength pattern minimum maximum exclusiveMinimum exclusiveMaximum multipleOf
"""

SCHEMA_KEYWORDS = frozenset(_ONE_TEXT.split())
"""Keywords that hold one schema."""

SCHEMA_LIST_KEYWORDS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
"""Keywords that hold a list of schemas."""

SCHEMA_MAP_KEYWORDS = frozenset(
    {"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"}
)
"""Keywords that hold schemas by name."""

_HOLDERS = SCHEMA_KEYWORDS | SCHEMA_LIST_KEYWORDS | SCHEMA_MAP_KEYWORDS
_PLACES = ("$id", "$anchor", "$dynamicAnchor", "$ref", "$dynamicRef")
_FORMS: dict[str, type] = {
    **dict.fromkeys(SCHEMA_LIST_KEYWORDS, list),
    **dict.fromkeys(SCHEMA_MAP_KEYWORDS, dict),
    **dict.fromkeys(_PLACES, str),
}
"""What a keyword holds that has schemas in it, or says where they are."""

ANNOTATIONS = frozenset(_ANNOTATION_TEXT.split())
"""Keywords that refuse nothing; `format` among them, as the specification has it."""

ASSERTIONS = frozenset(_ASSERTION_TEXT.split())
"""Keywords that may refuse a value. Whatever is in neither set means nothing to a validator."""

KNOWN_KEYWORDS = ANNOTATIONS | ASSERTIONS

IN_PLACE_APPLICATORS = frozenset(
    {"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"}
)
"""Keywords whose schemas look at the same value as the schema around them."""


def subschemas(schema: Json) -> list[tuple[Pointer, Json]]:
    """List the schemas directly inside a schema, each with the way to it."""
    found: list[tuple[Pointer, Json]] = []
    if not is_object(schema) or _HOLDERS.isdisjoint(schema):
        return found
    for keyword, value in schema.items():
        if keyword in SCHEMA_KEYWORDS:
            found.append(((keyword,), value))
        elif keyword in SCHEMA_LIST_KEYWORDS and is_list(value):
            found += [((keyword, index), item) for index, item in enumerate(value)]
        elif keyword in SCHEMA_MAP_KEYWORDS and is_object(value):
            found += [((keyword, name), item) for name, item in value.items()]
    return found


def is_walkable(schema: Json) -> bool:
    """Tell whether it can be seen what lies in a schema and what it refers to, faulty or not."""
    pending = [schema]
    while pending:
        current = pending.pop()
        if not is_object(current):
            continue
        if not all(type(current.get(key, made())) is made for key, made in _FORMS.items()):
            return False
        try:
            urlsplit(current.get("$id", ""))
        except ValueError:
            return False
        pending += [inner for _, inner in subschemas(current)]
    return True


def map_subschemas(schema: dict[str, Json], change: Callable[[Json], Json]) -> dict[str, Json]:
    """Copy a schema, with a change made to every schema directly inside."""
    copy = dict(schema)
    for keyword in schema.keys() & SCHEMA_KEYWORDS:
        copy[keyword] = change(schema[keyword])
    for keyword in schema.keys() & SCHEMA_LIST_KEYWORDS:
        copy[keyword] = [change(item) for item in schema[keyword]]
    for keyword in schema.keys() & SCHEMA_MAP_KEYWORDS:
        copy[keyword] = {name: change(item) for name, item in schema[keyword].items()}
    return copy
