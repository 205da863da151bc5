"""Message and hint for each way in which a schema can be invalid."""

from collections.abc import Callable
from typing import Any, TypeAlias

from scaffold.generator._hookspec.naming import did_you_mean, quoted_list
from scaffold.generator._source.json_values import type_of
from scaffold.generator._source.type_words import describe_types, describe_value

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")

_Words: TypeAlias = tuple[str, str]
"""Message and help."""


def explain_schema_error(error: Any) -> _Words:
    """Return message and help for one error of the meta-schema."""
    path = list(error.instance_path)
    name, value = str(path[-1]) if path else "", error.instance
    if name == "type" or path[-2:-1] == ["type"]:
        if isinstance(value, str):
            return f"there is no JSON type '{value}'", did_you_mean(value, TYPES)
        hint = f"there is: {quoted_list(TYPES)}"
        return "'type' must be the name of a JSON type, or a list of such names", hint
    words = _WORDS.get(error.kind.name)
    if words is None:
        return f"'{name}' breaks the rule '{error.kind.name}' of JSON Schema", ""
    return words(name, value, error.kind.as_dict())


def _type(name: str, value: Any, details: dict[str, Any]) -> _Words:
    message = f"'{name}' must be {describe_types(details['types'])}, not {describe_value(value)}"
    return message, _OLD_KEYWORD_HINTS.get((name, type_of(value)), "")


_OLD_KEYWORD_HINTS: dict[tuple[str, str], str] = {
    ("items", "array"): "write 'prefixItems' for a list of schemas, as draft 2020-12 has it",
    ("exclusiveMinimum", "boolean"): "write the number here, and leave 'minimum' out",
    ("exclusiveMaximum", "boolean"): "write the number here, and leave 'maximum' out",
    ("required", "boolean"): "list the required properties at the object around them",
}
"""What a keyword of former drafts is called now, by the JSON type that it had."""


def _format(_name: str, value: Any, details: dict[str, Any]) -> _Words:
    if details["format"] == "regex":
        return f"'{value}' is not a regular expression", "use the syntax of ECMA-262"
    return (
        f"'{value}' is not a valid {details['format']}",
        "RFC 3986 defines which characters an address may have",
    )


def _pattern(name: str, value: Any, _details: dict[str, Any]) -> _Words:
    address = "write an address without '#'; '$anchor' names a part"
    word = "begin with a letter or '_'; letters, digits, '-', '_' and '.' may follow"
    return f"'{value}' cannot be '{name}'", address if name == "$id" else word


_WORDS: dict[str, Callable[[str, Any, dict[str, Any]], _Words]] = {
    "type": _type,
    "format": _format,
    "pattern": _pattern,
    "propertyNames": lambda _name, _value, details: explain_schema_error(details["error"]),
    "minimum": lambda name, _value, details: (
        f"'{name}' is too small",
        f"write at least {details['limit']}",
    ),
    "exclusiveMinimum": lambda name, _value, details: (
        f"'{name}' is too small",
        f"write a number greater than {details['limit']}",
    ),
    "minItems": lambda name, _value, _details: (
        f"'{name}' is empty",
        "list at least one, or leave it out",
    ),
    "uniqueItems": lambda name, _value, _details: (
        f"'{name}' lists the same value twice",
        "remove one of the two",
    ),
}
