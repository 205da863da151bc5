"""JSON values: what sort each is, whether two are equal, and how people call them."""

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import TypeGuard

from scaffold.generator._source.source_text import Pointer
from scaffold.generator.ir import Json


def is_object(value: Json) -> TypeGuard[dict[str, Json]]:
    """Tell whether a value is a JSON object."""
    return isinstance(value, dict)


def is_list(value: Json) -> TypeGuard[list[Json]]:
    """Tell whether a value is a JSON array."""
    return isinstance(value, list)


def type_of(value: Json) -> str:
    """Return the JSON type of a value; a whole float is an `integer`."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case _:
            return "array" if is_list(value) else "object"


_WRITER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_FRACTION = re.compile(r"\d[.e]")
"""What every number has that may be whole and not written so. It may stand in a string, too."""


def canonical(value: Json) -> str:
    """Write a value so that equal values (JSON Schema 2020-12 §4.2.2) give equal text."""
    text = _WRITER.encode(value)
    if not _FRACTION.search(text):
        return text
    return _WRITER.encode(json.loads(text, parse_float=_number))


def json_equal(one: Json, other: Json) -> bool:
    """Tell whether two values are equal in JSON: `1` and `1.0` are, `1` and `true` are not."""
    return canonical(one) == canonical(other)


def _number(text: str) -> int | float:
    value = float(text)
    # The number as it is written, not as it is stored.
    return int(Decimal(text)) if value.is_integer() else value


_TYPES = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "boolean": "true or false",
    "number": "a number",
    "integer": "a whole number",
    "null": "null",
}


def describe_types(names: Iterable[str]) -> str:
    """Name JSON types: `text or an object`."""
    return " or ".join(_TYPES[name] for name in names)


def describe_value(value: Json) -> str:
    """Say what sort of value something is: `the number 3`, `a list`."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return "text"
        case _:
            return "a list" if is_list(value) else "an object"


def describe_pointer(at: Pointer) -> str:
    """Write a pointer as people do: `hooks[0].name`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in at).lstrip(".")
