"""What sort of JSON value something is."""

from typing import TypeGuard

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
