"""The content of core schemas that may be read by msgspec instead of pydantic.

A core schema is what pydantic makes of a type, with everything that a user has changed: validators,
settings, an `__init__`. If a payload has anything that is not in the tables here, it is left to
pydantic, because msgspec may read it in another way.
"""

from collections.abc import Mapping
from typing import Final

from scaffold.contract._fast_decode.numeric_bounds import COMPARISONS, LENGTHS
from scaffold.contract._json.types import Json


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
