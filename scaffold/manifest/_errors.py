"""What pydantic says of a manifest, in our words, with places, and without the values.

A value may be a secret that stands in the wrong key: only those of closed choices are repeated.
"""

from collections.abc import Mapping
from datetime import date, time
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from scaffold.manifest._file import ManifestFile
from scaffold.manifest._source_positions import KeyPath

_EXPECTED: Final = {
    "string_type": "a string",
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
}

_GIVEN: Final = (
    (bool, "a boolean"),
    (str, "a string"),
    (int, "an integer"),
    (float, "a number"),
    (list, "a list"),
    (dict, "a table"),
    ((date, time), "a date or a time"),
)

_BOUNDS: Final = {
    "greater_than": "'{key}' must be above {gt}",
    "greater_than_equal": "'{key}' must be {ge} or more",
    "finite_number": "'{key}' must be finite",
    "string_too_short": "'{key}' is empty",
    "too_short": "'{key}' is empty",
}


def report_errors(
    document: ManifestFile,
    model: type[BaseModel],
    error: ValidationError,
    flat: Mapping[str, tuple[str, str]],
) -> None:
    """Report every error of a manifest; `flat` tells where keys were moved from."""
    for item in error.errors(include_url=False):
        _report(document, model, item, _as_written(document, item["loc"], flat))


def _as_written(
    document: ManifestFile, path: KeyPath, flat: Mapping[str, tuple[str, str]]
) -> KeyPath:
    for key, moved in flat.items():
        if path[:2] == moved and key in document.content:
            return (key, *path[2:])
    return path


def _report(
    document: ManifestFile, model: type[BaseModel], item: ErrorDetails, path: KeyPath
) -> None:
    kind, context = item["type"], item.get("ctx", {})
    key = ".".join(map(str, path))
    value = item["input"]
    match kind:
        case "missing":
            if not _said_already(document, key):
                document.report(document.key(path[:-1]), "missing-key", f"'{key}' is required")
        case "extra_forbidden":
            known = _keys(model, item["loc"][:-1])
            help_ = _nearest(str(path[-1]), known) or f"known keys: {', '.join(sorted(known))}"
            document.report(document.key(path), "unknown-key", f"the key '{key}' is unknown", help_)
        case "literal_error":
            choices = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
            help_ = _nearest(str(value), choices) or f"one of: {', '.join(choices)}"
            message = f"'{key}' cannot be {_shown(value)}"
            document.report(document.value(path), "unknown-value", message, help_)
        case _ if expected := _EXPECTED.get(kind):
            message = f"'{key}' is {expected}, not {_type(value)}"
            document.report(document.value(path), "wrong-type", message)
        case _ if bound := _BOUNDS.get(kind):
            message = bound.format(key=key, **context)
            document.report(document.value(path), "out-of-range", message)
        case _:
            help_ = context.get("help", "")
            document.report(document.value(path), kind, item["msg"], help_)


def _said_already(document: ManifestFile, key: str) -> bool:
    return any(key in one.message for one in document.findings if one.code == "missing-key")


def _keys(model: Any, path: KeyPath) -> list[str]:
    """Return the keys that a table may have."""
    for step in path:
        annotation = model.model_fields[step].annotation
        members = [annotation, *get_args(annotation)]
        model = next(one for one in members if isinstance(one, type) and issubclass(one, BaseModel))
    return list(model.model_fields)


def _nearest(word: str, known: list[str]) -> str:
    import difflib

    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean '{near[0]}'?" if near else ""


def _shown(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else _type(value)


def _type(value: object) -> str:
    return next((name for types, name in _GIVEN if isinstance(value, types)), "such a value")
