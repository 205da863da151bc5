"""Metrics and traces through the API of OpenTelemetry; a configured SDK exports them.

It needs the extra `hookspec-scaffold[telemetry]`; no other module imports `opentelemetry`. Without
a configured SDK the API does nothing.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry import metrics, trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Status, StatusCode, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from scaffold.contract._context.call_context import call_metadata
from scaffold.contract._context.telemetry import Attributes, AttributeValue, Span
from scaffold.contract._hooks.dispatcher import StopChain
from scaffold.contract._json import is_object

__all__ = ["OtelMetrics", "OtelTracer"]

_SCOPE: Final = "scaffold"
_NO_ATTRIBUTES: Final[Attributes] = {}
_headers: Final = TraceContextTextMapPropagator()


class OtelTracer:
    """A tracer for OpenTelemetry.

    Args:
        provider: The tracer provider; the global one by default.
    """

    adapter: str = "opentelemetry"

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer(_SCOPE, tracer_provider=provider)

    @contextmanager
    def span(self, name: str, facts: Attributes = _NO_ATTRIBUTES) -> Generator[Span]:
        """Open a span as a child of the open span or of the call's `trace_context`."""
        parent = None
        if not trace.get_current_span().get_span_context().is_valid:
            carrier = call_metadata().get("trace_context")
            parent = _headers.extract(carrier) if is_object(carrier) else None
        with self._tracer.start_as_current_span(
            name,
            context=parent,
            attributes=facts,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield _Span(span)
            except BaseException as error:
                # Only the code: a message may contain data of users.
                code = getattr(error, "code", None) or type(error).__name__
                if code != StopChain.CODE:
                    span.set_attribute("error.type", str(code))
                    span.set_status(Status(StatusCode.ERROR, str(code)))
                raise

    def carrier(self) -> Mapping[str, str]:
        """Return `traceparent` and `tracestate` of the open span, or nothing without one."""
        headers: dict[str, str] = {}
        _headers.inject(headers)
        return headers


class _Span:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def set(self, name: str, value: AttributeValue) -> None:
        """Set an attribute of the span."""
        self._span.set_attribute(name, value)


class OtelMetrics:
    """Metrics for OpenTelemetry.

    Args:
        provider: The meter provider; the global one by default.
    """

    def __init__(self, provider: MeterProvider | None = None) -> None:
        self._meter = metrics.get_meter(_SCOPE, meter_provider=provider)
        self._instruments: dict[str, Any] = {}

    def count(self, name: str, amount: float = 1, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Add to a counter."""
        self._instrument(name, self._meter.create_counter).add(amount, labels)

    def record(self, name: str, value: float, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Record one value in a histogram."""
        self._instrument(name, self._meter.create_histogram).record(value, labels)

    def gauge(self, name: str, value: float, labels: Attributes = _NO_ATTRIBUTES) -> None:
        """Set a gauge."""
        self._instrument(name, self._meter.create_gauge).set(value, labels)

    def _instrument(self, name: str, make: Callable[[str], Any]) -> Any:
        found = self._instruments.get(name)
        if found is None:
            found = self._instruments.setdefault(name, make(name))
        return found
