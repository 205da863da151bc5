"""Metrics and traces of a plugin, independent of their backend (ADR-0001, ADR-0005 §5).

Without a backend a measurement is a call of an empty function. The application gives its backend to
the host; `scaffold.resources.otel` is the backend for OpenTelemetry.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
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
