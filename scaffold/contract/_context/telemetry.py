"""What a plugin measures and traces, without knowing who listens (ADR-0001, ADR-0005 §5).

By default nobody does, and then it costs a call of an empty function. A host hands in what its
application uses; `scaffold.resources.otel` is the way to OpenTelemetry.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Protocol, TypeAlias

__all__ = [
    "NULL_METRICS",
    "NULL_TRACER",
    "AttributeValue",
    "Attributes",
    "LabelledMetrics",
    "Metrics",
    "NullMetrics",
    "NullTracer",
    "Span",
    "Tracer",
]

AttributeValue: TypeAlias = str | int | float | bool
Attributes: TypeAlias = Mapping[str, AttributeValue]
"""Labels of a measurement, or attributes of a span."""
_NO_ATTRIBUTES: Final[Attributes] = {}


class Metrics(Protocol):
    """Takes measurements. Any thread may call; it must be quick and raise nothing."""

    def count(self, name: str, amount: float = 1, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Add to a sum that never falls: calls, bytes, tokens."""
        ...

    def record(self, name: str, value: float, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Note one value of a distribution: seconds, sizes."""
        ...

    def gauge(self, name: str, value: float, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Say what a value is now: a queue's length."""
        ...


class Span(Protocol):
    """A piece of work under way."""

    def set(self, name: str, value: AttributeValue) -> None:
        """Say something about the work."""
        ...


class Tracer(Protocol):
    """Tells where the time of a request goes, across processes (W3C Trace Context)."""

    @property
    def adapter(self) -> str:
        """What a plugin's process is told to trace with: `opentelemetry`, or empty for nothing."""
        ...

    def span(self, name: str, facts: Attributes = _NO_ATTRIBUTES) -> AbstractContextManager[Span]:
        """Open a span for a block, below the open one or that of the call's `trace_context`.

        What the block raises is noted in the span, and goes on.
        """
        ...

    def carrier(self) -> Mapping[str, str]:
        """Return `traceparent` and `tracestate` of the open span; nothing if none is open."""
        ...


class NullMetrics:
    """Metrics that nobody wants."""

    def count(self, name: str, amount: float = 1, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Do nothing."""

    def record(self, name: str, value: float, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Do nothing."""

    def gauge(self, name: str, value: float, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Do nothing."""


class LabelledMetrics:
    """Metrics whose every measurement has some labels more."""

    def __init__(self, metrics: Metrics, labels: Attributes) -> None:
        self._metrics = metrics
        self._labels = labels

    def count(self, name: str, amount: float = 1, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Add to a sum that never falls."""
        self._metrics.count(name, amount, {**self._labels, **labels})

    def record(self, name: str, value: float, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Note one value of a distribution."""
        self._metrics.record(name, value, {**self._labels, **labels})

    def gauge(self, name: str, value: float, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Say what a value is now."""
        self._metrics.gauge(name, value, {**self._labels, **labels})


class _NullSpan:
    """A span that nobody sees."""

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
    """A tracer that nobody reads."""

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
