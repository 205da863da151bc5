"""JSON values compared and written in one way only."""

import json
from decimal import Decimal

from scaffold.generator.ir import Json
from scaffold.generator.values import is_list, is_object

__all__ = ["canonical", "same"]


def canonical(value: Json) -> str:
    """Write a value so that equal values (JSON Schema 2020-12 §4.2.2) give equal text."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def same(one: Json, other: Json) -> bool:
    """Tell whether two values are equal in JSON: `1` and `1.0` are, `1` and `true` are not."""
    return canonical(one) == canonical(other)


def _plain(value: Json) -> Json:
    if is_object(value):
        return {key: _plain(item) for key, item in value.items()}
    if is_list(value):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(Decimal(repr(value)))  # the number as it is written, not as it is stored
    return value
