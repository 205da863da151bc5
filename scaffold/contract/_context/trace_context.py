"""The trace fields of W3C: valid ones are passed on, and others are dropped.

Source: W3C Trace Context (Recommendation, 2021), W3C Baggage (Candidate Recommendation, 2024).
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

_TRACEPARENT: Final = "traceparent"
_TRACESTATE: Final = "tracestate"
_BAGGAGE: Final = "baggage"

_MAX_PARENT_CHARS: Final = 256
"""Characters; version 00 has 55, and later versions may add to them."""
_IDS: Final = r"-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
_PARENT: Final = rf"00{_IDS}|(?!00|ff)[0-9a-f]{{2}}{_IDS}(?:-[\x21-\x7e]*)?"
_MAX_STATE_CHARS: Final = 2048
_MAX_STATES: Final = 32
_STATE: Final = (
    r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_MAX_BAGGAGE_CHARS: Final = 8192
_MAX_BAGGAGE_ITEMS: Final = 64
_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE: Final = r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*"
_ITEM: Final = rf"{_WORD}[ \t]*=[ \t]*{_VALUE}(?:[ \t]*;[ \t]*{_WORD}(?:[ \t]*=[ \t]*{_VALUE})?)*"


def trace_fields(given: Mapping[str, object]) -> dict[str, str]:
    """Return the valid trace fields of a mapping; all other members are dropped.

    A `tracestate` without a valid `traceparent` is dropped too (Trace Context §3.3).

    Args:
        given: Any mapping, for example headers or metadata of a client.
    """
    found = {
        name: value
        for name, is_valid in _FIELDS.items()
        if isinstance(value := given.get(name), str) and is_valid(value)
    }
    if _TRACEPARENT not in found:
        found.pop(_TRACESTATE, None)
    return found


def _is_parent(value: str) -> bool:
    return len(value) <= _MAX_PARENT_CHARS and _matches(_PARENT, value)


def _is_state(value: str) -> bool:
    return _is_list(value, _STATE, _MAX_STATES, _MAX_STATE_CHARS)


def _is_baggage(value: str) -> bool:
    return _is_list(value, _ITEM, _MAX_BAGGAGE_ITEMS, _MAX_BAGGAGE_CHARS)


_FIELDS: Final[Mapping[str, Callable[[str], bool]]] = {
    _TRACEPARENT: _is_parent,
    _TRACESTATE: _is_state,
    _BAGGAGE: _is_baggage,
}


def _is_list(value: str, item: str, most: int, longest: int) -> bool:
    """Return whether a value is a list separated by commas; items may be empty."""
    if len(value) > longest:
        return False
    items = [one for one in (part.strip(" \t") for part in value.split(",")) if one]
    return 0 < len(items) <= most and all(_matches(item, one) for one in items)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)  # at the first use: most processes never receive a trace


def _matches(pattern: str, value: str) -> bool:
    return _compiled(pattern).fullmatch(value) is not None
