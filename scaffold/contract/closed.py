"""Which types leave nothing of a JSON text unread: pydantic's own reader is all that they need.

Pydantic takes `NaN` and `Infinity` for JSON, and lets them by wherever any value may stand.
"""

from typing import Final

from scaffold.contract.values import Json, JsonObject, is_array, is_object

__all__ = ["is_closed"]

_INSIDE: Final[dict[str, tuple[str, ...]]] = {
    "bool": (),
    "default": ("schema",),
    "definition-ref": (),
    "definitions": ("schema", "definitions"),
    "dict": ("keys_schema", "values_schema"),
    "enum": (),
    "float": (),
    "function-after": ("schema",),
    "int": (),
    "list": ("items_schema",),
    "literal": (),
    "model": ("schema",),
    "model-field": ("schema",),
    "model-fields": ("fields",),
    "none": (),
    "nullable": ("schema",),
    "str": (),
    "tagged-union": ("choices",),
    "tuple": ("items_schema",),
    "union": ("choices",),
}
"""Core schemas that look at the whole of a value, or leave it to what is inside of them."""

_MANY: Final = frozenset({"choices", "definitions", "fields"})
"""Members that hold several core schemas, in a list or by name; so may `items_schema`."""


def is_closed(schema: Json) -> bool:
    """Tell whether every number that a core schema lets by is finite, wherever it stands."""
    inside = _INSIDE.get(schema["type"]) if is_object(schema) else None
    if inside is None or not _is_finite(schema):
        return False
    return all(name in schema and _are_closed(name, schema[name]) for name in inside)


def _are_closed(name: str, part: Json) -> bool:
    if is_array(part):
        return all(map(is_closed, part))
    if name in _MANY and is_object(part):
        return all(map(is_closed, part.values()))
    return is_closed(part)


def _is_finite(schema: JsonObject) -> bool:
    if schema["type"] == "model":
        return bool(schema.get("config", {}).get("extra_fields_behavior") == "forbid")
    return schema["type"] != "float" or schema.get("allow_inf_nan") is False
