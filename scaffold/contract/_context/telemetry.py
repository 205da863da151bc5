"""Metrics and traces of a plugin, independent of their backend (ADR-0001, ADR-0005 §5).

Without a backend a measurement is a call of an empty function. The application gives its backend to
the host; `scaffold.resources.otel` is the backend for OpenTelemetry.

The trace fields of W3C that a client sends are passed on if they are valid, and dropped otherwise.
Source: W3C Trace Context (Recommendation, 2021), W3C Baggage (Candidate Recommendation, 2024).
"""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cache
from types import TracebackType
from typing import Final, Protocol, TypeAlias

AttributeValue: TypeAlias = str | int | float | bool
Attributes: TypeAlias = Mapping[str, AttributeValue]
"""Labels of a measurement, or attributes of a span."""
_NO_ATTRIBUTES: Final[Attributes] = {}


class Metrics(Protocol):
    """Records measurements. Implementations must be thread-safe, quick, and raise nothing."""

    def count(self, name: str, amount: float = 1, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Add to a counter, for example of calls, bytes or tokens."""
        ...

    def record(self, name: str, value: float, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Record one value in a histogram, for example of seconds or sizes."""
        ...

    def gauge(self, name: str, value: float, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Set the current value of a gauge, for example the length of a queue."""
        ...


class Span(Protocol):
    """A running piece of work in a trace."""

    def set(self, name: str, value: AttributeValue) -> None:
        """Set an attribute of the span."""
        ...


class Tracer(Protocol):
    """Opens spans, which show where a request spends its time (W3C Trace Context)."""

    @property
    def adapter(self) -> str:
        """The adapter for plugins in other processes: `opentelemetry`, or empty for none."""
        ...

    def span(self, name: str, facts: Attributes = _NO_ATTRIBUTES) -> AbstractContextManager[Span]:
        """Open a span for a block, as a child of the open span or of the call's `trace_context`.

        An exception of the block is recorded in the span, and propagates.
        """
        ...

    def carrier(self) -> Mapping[str, str]:
        """Return `traceparent` and `tracestate` of the open span, or nothing without one."""
        ...


class NullMetrics:
    """Metrics without a backend."""

    def count(self, name: str, amount: float = 1, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Do nothing."""

    def record(self, name: str, value: float, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Do nothing."""

    def gauge(self, name: str, value: float, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Do nothing."""


class LabelledMetrics:
    """Metrics that add labels to every measurement."""

    def __init__(self, metrics: Metrics, labels: Attributes) -> None:
        self._metrics = metrics
        self._labels = labels

    def count(self, name: str, amount: float = 1, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Add to a counter."""
        self._metrics.count(name, amount, {**self._labels, **labels})

    def record(self, name: str, value: float, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Record one value in a histogram."""
        self._metrics.record(name, value, {**self._labels, **labels})

    def gauge(self, name: str, value: float, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Set the current value of a gauge."""
        self._metrics.gauge(name, value, {**self._labels, **labels})


class _NullSpan:
    """A span without a backend."""

    def set(self, name: str, value: AttributeValue) -> None:
        """Do nothing."""

    def __enter__(self) -> Span:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


class NullTracer:
    """A tracer without a backend."""

    adapter: str = ""

    def span(self, name: str, facts: Attributes = _NO_ATTRIBUTES) -> AbstractContextManager[Span]:
        """Open nothing."""
        return _NULL_SPAN

    def carrier(self) -> Mapping[str, str]:
        """Return nothing."""
        return {}


_NULL_SPAN: Final = _NullSpan()
NULL_METRICS: Final = NullMetrics()
NULL_TRACER: Final = NullTracer()


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
