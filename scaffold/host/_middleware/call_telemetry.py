"""Metrics and spans of every call of a hook, made by the outermost middleware."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import aclosing, closing, contextmanager
from typing import Any, Final
from uuid import uuid4

from scaffold.contract._context.metadata import call_metadata, calling_with
from scaffold.contract._context.telemetry import Metrics, Tracer
from scaffold.contract._errors.errors import ScaffoldError
from scaffold.contract._hooks.dispatcher import StopChain
from scaffold.contract._json.types import Json
from scaffold.host._middleware.middleware import HookCall, Proceed

CALLS: Final = "scaffold.hook.calls"
"""How often a plugin's hook was called."""
SECONDS: Final = "scaffold.hook.seconds"
"""How long the calls took."""
ERRORS: Final = "scaffold.hook.errors"
"""How many failed, by their code."""


class CallTelemetry:
    """Takes the time of calls, counts them and their failures, and opens a span for each."""

    def __init__(self, metrics: Metrics, tracer: Tracer) -> None:
        self._metrics = metrics
        self._tracer = tracer

    def call(self, call: HookCall, proceed: Proceed) -> Any:
        """Observe a call that is waited for."""
        if call.hook.streams:
            return self._items(call, proceed(call.payload))
        with self._around(call):
            return proceed(call.payload)

    async def call_async(self, call: HookCall, proceed: Callable[[Any], Awaitable[Any]]) -> Any:
        """Observe a call that is awaited."""
        if call.hook.streams:
            return self._items_async(call, await proceed(call.payload))
        with self._around(call):
            return await proceed(call.payload)

    @contextmanager
    def _around(self, call: HookCall) -> Generator[None]:
        labels = _labels(call)
        span = self._tracer.span(f"{call.kind.name}.{call.hook.name}", labels)
        with self._measured(labels), span, calling_with(self._metadata()):
            yield

    # A span that is open while a generator waits would be open in the code that reads it.
    def _items(self, call: HookCall, items: Generator[Any]) -> Generator[Any]:
        with self._measured(_labels(call)), closing(items):
            yield from items

    async def _items_async(self, call: HookCall, items: AsyncGenerator[Any]) -> AsyncGenerator[Any]:
        with self._measured(_labels(call)):
            async with aclosing(items):
                async for item in items:
                    yield item

    @contextmanager
    def _measured(self, labels: Mapping[str, str]) -> Generator[None]:
        begun = time.perf_counter()
        try:
            yield
        except Exception as error:
            code = error.code if isinstance(error, ScaffoldError) else type(error).__name__
            if code != StopChain.CODE:
                self._metrics.count(ERRORS, 1, {**labels, "error": code})
            raise
        finally:
            self._metrics.count(CALLS, 1, labels)
            self._metrics.record(SECONDS, time.perf_counter() - begun, labels)

    def _metadata(self) -> dict[str, Json]:
        """Return the metadata that the plugin needs: request id, and the span to continue."""
        added: dict[str, Json] = {}
        if "request_id" not in call_metadata():
            added["request_id"] = uuid4().hex
        if carrier := self._tracer.carrier():
            added["trace_context"] = dict(carrier)
        return added


def _labels(call: HookCall) -> dict[str, str]:
    return {
        "plugin": call.plugin,
        "kind": call.kind.name,
        "hook": call.hook.name,
        "runtime": call.runtime,
    }
