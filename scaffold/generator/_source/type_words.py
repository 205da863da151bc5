"""JSON's types and values in a person's words."""

from collections.abc import Iterable

from scaffold.generator._source.json_values import is_list
from scaffold.generator._source.source_text import Pointer
from scaffold.generator.ir import Json

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
