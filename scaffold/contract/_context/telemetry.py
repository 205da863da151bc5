"""What a plugin measures and traces, without knowing who listens (ADR-0001, ADR-0005 §5).

By default nobody does, and then it costs a call of an empty function. A host hands in what its
application uses; `scaffold.resources.otel` is the way to OpenTelemetry.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Protocol, TypeAlias

__all__ = [
    "SILENT",
    "UNTRACED",
    "Fact",
    "Facts",
    "Labelled",
    "Metrics",
    "Silent",
    "Span",
    "Tracer",
    "Untraced",
]

Fact: TypeAlias = str | int | float | bool
Facts: TypeAlias = Mapping[str, Fact]
"""Labels of a measurement, or attributes of a span."""
_NONE: Final[Facts] = {}


class Metrics(Protocol):
    """Takes measurements. Any thread may call; it must be quick and raise nothing."""

    def count(self, name: str, amount: float = 1, labels: Facts = _NONE) -> None:
        """Add to a sum that never falls: calls, bytes, tokens."""
        ...

    def record(self, name: str, value: float, labels: Facts = _NONE) -> None:
        """Note one value of a distribution: seconds, sizes."""
        ...

    def gauge(self, name: str, value: float, labels: Facts = _NONE) -> None:
        """Say what a value is now: a queue's length."""
        ...


class Span(Protocol):
    """A piece of work under way."""

    def set(self, name: str, value: Fact) -> None:
        """Say something about the work."""
        ...


class Tracer(Protocol):
    """Tells where the time of a request goes, across processes (W3C Trace Context)."""

    @property
    def adapter(self) -> str:
        """What a plugin's process is told to trace with: `opentelemetry`, or empty for nothing."""
        ...

    def span(self, name: str, facts: Facts = _NONE) -> AbstractContextManager[Span]:
        """Open a span for a block, below the open one or that of the call's `trace_context`.

        What the block raises is noted in the span, and goes on.
        """
        ...

    def carrier(self) -> Mapping[str, str]:
        """Return `traceparent` and `tracestate` of the open span; nothing if none is open."""
        ...


class Silent:
    """Metrics that nobody wants."""

    def count(self, name: str, amount: float = 1, labels: Facts = _NONE) -> None:
        """Do nothing."""

    def record(self, name: str, value: float, labels: Facts = _NONE) -> None:
        """Do nothing."""

    def gauge(self, name: str, value: float, labels: Facts = _NONE) -> None:
        """Do nothing."""


class Labelled:
    """Metrics whose every measurement has some labels more."""

    def __init__(self, metrics: Metrics, labels: Facts) -> None:
        self._metrics = metrics
        self._labels = labels

    def count(self, name: str, amount: float = 1, labels: Facts = _NONE) -> None:
        """Add to a sum that never falls."""
        self._metrics.count(name, amount, {**self._labels, **labels})

    def record(self, name: str, value: float, labels: Facts = _NONE) -> None:
        """Note one value of a distribution."""
        self._metrics.record(name, value, {**self._labels, **labels})

    def gauge(self, name: str, value: float, labels: Facts = _NONE) -> None:
        """Say what a value is now."""
        self._metrics.gauge(name, value, {**self._labels, **labels})


class _NoSpan:
    """A span that nobody sees."""

    def set(self, name: str, value: Fact) -> None:
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


class Untraced:
    """A tracer that nobody reads."""

    adapter: str = ""

    def span(self, name: str, facts: Facts = _NONE) -> AbstractContextManager[Span]:
        """Open nothing."""
        return _NO_SPAN

    def carrier(self) -> Mapping[str, str]:
        """Return nothing."""
        return {}


_NO_SPAN: Final = _NoSpan()
SILENT: Final = Silent()
UNTRACED: Final = Untraced()
