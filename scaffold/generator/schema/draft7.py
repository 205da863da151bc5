"""JSON Schema draft 7, which most published schemas are written in, said in 2020-12.

The two differ in words more than in meaning, so a schema is translated when it is read, and
everything after that knows one dialect only.
"""

from collections.abc import Callable

from scaffold.generator.ir import Json
from scaffold.generator.schema.vocabulary import DIALECT
from scaffold.generator.values import is_list, is_object

__all__ = ["DRAFT_7", "from_draft_7"]

DRAFT_7 = "http://json-schema.org/draft-07/schema"

_LATER_TEXT = """
    $anchor $dynamicRef $dynamicAnchor $vocabulary $defs prefixItems dependentRequired
    dependentSchemas minContains maxContains unevaluatedItems unevaluatedProperties contentSchema
"""
_DROPPED = {"additionalItems", "$schema", *_LATER_TEXT.split()}
"""What 2020-12 says elsewhere, and keywords that mean nothing in draft 7."""

_BESIDE_A_REFERENCE = frozenset({"$ref", "$comment", "title", "description", "definitions"})
"""What may stay beside `$ref`: draft 7 ignores its neighbours, and these refuse nothing."""

_ONE = frozenset({"additionalProperties", "propertyNames", "contains", "not", "if", "then", "else"})
_LIST = frozenset({"allOf", "anyOf", "oneOf"})
_NAMED = frozenset({"properties", "patternProperties", "definitions"})


def from_draft_7(schema: Json) -> Json:
    """Translate a whole schema."""
    return {**_translated(schema), "$schema": DIALECT}


def _translated(schema: Json) -> Json:
    if not is_object(schema):
        return schema
    if "$ref" in schema:
        schema = {key: part for key, part in schema.items() if key in _BESIDE_A_REFERENCE}
    result: dict[str, Json] = {}
    for keyword, value in schema.items():
        if keyword in _REWORDED:
            result |= _REWORDED[keyword](value, schema)
        elif keyword not in _DROPPED:
            result[keyword] = _with_parts(keyword, value)
    return result


def _with_parts(keyword: str, value: Json) -> Json:
    """Translate the schemas in a keyword that means the same in both dialects."""
    if keyword in _ONE:
        return _translated(value)
    if keyword in _LIST and is_list(value):
        return [_translated(item) for item in value]
    if keyword in _NAMED and is_object(value):
        return {name: _translated(item) for name, item in value.items()}
    return value


def _identifier(value: Json, _schema: Json) -> dict[str, Json]:
    """Translate `$id`, which made anchors too: `#name`."""
    if not isinstance(value, str):
        return {"$id": value}
    uri, _, name = value.partition("#")
    return ({"$id": uri} if uri else {}) | ({"$anchor": name} if name else {})


def _items(value: Json, schema: Json) -> dict[str, Json]:
    """Translate `items`, which was a list of schemas too, and `additionalItems` after those."""
    if not is_list(value):
        return {"items": _translated(value)}
    first: dict[str, Json] = {"prefixItems": [_translated(item) for item in value]}
    rest = {"items": _translated(schema["additionalItems"])} if "additionalItems" in schema else {}
    return first | rest


def _dependencies(value: Json, _schema: Json) -> dict[str, Json]:
    """Divide `dependencies` in two: names that are required, and schemas that hold."""
    if not is_object(value):
        return {"dependentRequired": value}
    names = {key: item for key, item in value.items() if is_list(item)}
    schemas = {key: _translated(item) for key, item in value.items() if not is_list(item)}
    divided: dict[str, Json] = {"dependentRequired": names, "dependentSchemas": schemas}
    return {keyword: parts for keyword, parts in divided.items() if parts}


_REWORDED: dict[str, Callable[[Json, Json], dict[str, Json]]] = {
    "$id": _identifier,
    "items": _items,
    "dependencies": _dependencies,
}
