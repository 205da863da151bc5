"""JSON values compared and written in one way only."""

import json
import re
from decimal import Decimal

from scaffold.generator.ir import Json

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
