"""The content of core schemas that may be read by msgspec instead of pydantic.

A core schema is what pydantic makes of a type, with everything that a user has changed: validators,
settings, an `__init__`. If a payload has anything that is not in the tables here, it is left to
pydantic, because msgspec may read it in another way. Numeric bounds are written so that both read
them in the same way.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Annotated, Any, Final

from msgspec import Meta

from scaffold.contract._json import Json


def with_bounds(type_: Any, bounds: Mapping[str, Any], names: Iterable[str]) -> Any:
    """Return the type with the named bounds that are set."""
    given = {name: bounds[name] for name in names if bounds.get(name) is not None}
    return Annotated[type_, Meta(**given)] if given else type_


def integer_type(bounds: Mapping[str, Any]) -> Any:
    """Return the type of integers within bounds; msgspec refuses bounds of more than 64 bits."""
    given = {name: bounds[name] for name in COMPARISONS if bounds.get(name) is not None}
    rounded = {name: COMPARISONS[name](bound) for name, bound in given.items()}
    return with_bounds(int, rounded, COMPARISONS)


def float_type(bounds: Mapping[str, Any]) -> Any:
    """Return the type of floats within bounds; raise `ValueError` if a bound is not one."""
    for name in COMPARISONS:
        bound = bounds.get(name)
        if bound is not None and float(bound) != bound:
            raise ValueError(f"{bound} is not exact")
    return with_bounds(float, bounds, COMPARISONS)


def is_bound_check(function: object) -> bool:
    """Return whether a function is a bound check of pydantic itself."""
    return (
        isinstance(function, partial)
        and not function.args
        and function.keywords.keys() <= COMPARISONS.keys()
        and function.func.__module__.startswith("pydantic.")
    )


LENGTHS: Final = frozenset({"min_length", "max_length"})
"""Counted in code points of a string, and in items of a list."""

COMPARISONS: Final[Mapping[str, Callable[[Any], int]]] = {
    "ge": math.ceil,
    "gt": math.floor,
    "le": math.floor,
    "lt": math.ceil,
}
"""How each bound is rounded for integers."""


class UnsupportedSchema(Exception):
    """A core schema has something that msgspec may read in another way than pydantic."""


def check_supported(schema: Json) -> Json:
    """Return a node; raise `UnsupportedSchema` if it has a key that is not in the table."""
    if not schema.keys() <= _SUPPORTED_KEYS[schema["type"]] | _COMMON_KEYS:
        raise UnsupportedSchema
    return schema


_COMMON_KEYS: Final = frozenset({"type", "ref", "metadata", "serialization", "strict"})

_ORDER: Final = frozenset(COMPARISONS)

_SUPPORTED_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "bool": frozenset(),
    "none": frozenset(),
    "str": LENGTHS,
    "int": _ORDER,
    "float": _ORDER | {"allow_inf_nan"},
    "literal": frozenset({"expected"}),
    "nullable": frozenset({"schema"}),
    "list": LENGTHS | {"items_schema"},
    "dict": frozenset({"keys_schema", "values_schema"}),
    "union": frozenset({"choices", "mode"}),
    "function-after": frozenset({"function", "schema"}),
    "model": frozenset({"cls", "schema", "config", "custom_init", "root_model"}),
    "model-fields": frozenset({"fields", "model_name", "computed_fields", "extras_schema"}),
    "model-field": frozenset({"schema", "validation_alias", "serialization_alias"}),
    "default": frozenset({"schema", "default"}),
    "definitions": frozenset({"schema", "definitions"}),
    "definition-ref": frozenset({"schema_ref"}),
}
"""The supported keys of a node by its type, in addition to `_COMMON_KEYS`."""

SUPPORTED_SETTINGS: Final = frozenset(
    {
        "allow_inf_nan",
        "extra_fields_behavior",
        "frozen",
        "ser_json_inf_nan",
        "serialize_by_alias",
        "strict",
        "title",
        "validate_by_alias",
        "validate_by_name",
    }
)
"""Settings of a model that do not change how msgspec must read a text."""
