"""What an application puts around the calls of its plugins: rights, quotas, audit (ADR-0005 §2).

Functions are composed when a hook is bound, so a call that has none around it pays for none.
Metrics and spans are made by the outermost middleware.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator, Mapping
from contextlib import aclosing, closing, contextmanager
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any, Final, TypeAlias, TypeVar
from uuid import uuid4

from scaffold.contract._context.call_context import call_metadata, calling_with
from scaffold.contract._context.telemetry import Metrics, Tracer
from scaffold.contract._errors.errors import PluginError, ScaffoldError
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.dispatcher import StopChain
from scaffold.contract._hooks.hook import Hook, Kind, StreamHook
from scaffold.contract._json import Json
from scaffold.manifest._missing_hooks import allow_missing_hooks, missing_hook_error
from scaffold.manifest._model import Manifest

C = TypeVar("C", Channel, AsyncChannel)

PRIORITY: Final = 1000
"""Where ADR-0005 has middleware begin; plugins that do the work stay below."""


@dataclass(frozen=True, slots=True)
class HookCall:
    """One call of one hook of one plugin."""

    plugin: str
    """The plugin's name."""
    runtime: str
    """Where it runs."""
    hook: Hook[Any, Any]
    payload: Any
    """What the caller gave, in the classes of its bindings."""

    @property
    def kind(self) -> Kind:
        """The contract that the hook belongs to."""
        return self.hook.kind

    @property
    def metadata(self) -> Mapping[str, Json]:
        """The metadata of the call; `calling_with` around `proceed` changes it for the rest."""
        return call_metadata()


Proceed: TypeAlias = Callable[[Any], Any]
"""Goes on with a payload, and returns the answer; in an `AsyncHost` it must be awaited."""
Middleware: TypeAlias = Callable[[HookCall, Proceed], Any]
"""Answers a call: with what `proceed(call.payload)` returns, after it has looked at either.

It may change both, ask again, or raise a `HookError` in place of an answer. In an `AsyncHost` it is
`async def`. The answer of a hook that streams is its generator.
"""


@dataclass(frozen=True, slots=True)
class _Layer:
    middleware: Middleware
    kind: str | None
    hook: str | None
    priority: float

    def fits(self, hook: Hook[Any, Any]) -> bool:
        return self.kind in {None, hook.kind.name} and self.hook in {None, hook.name}


class MiddlewareStack:
    """The middleware of one host."""

    def __init__(self) -> None:
        self._layers: list[_Layer] = []

    def add(
        self, middleware: Middleware, kind: str | None, hook: str | None, priority: float
    ) -> None:
        """Put one around the calls of a hook, or of all; the highest priority is outermost."""
        self._layers.append(_Layer(middleware, kind, hook, priority))
        self._layers.sort(key=lambda layer: -layer.priority)

    def of(self, hook: Hook[Any, Any]) -> Iterator[Middleware]:
        """Yield what goes around a hook, the innermost first."""
        return (layer.middleware for layer in reversed(self._layers) if layer.fits(hook))

    def entry_channel(self, channel: C, manifest: Manifest, kind: Kind) -> C:
        """Return the channel that clients of a plugin get."""
        channel = allow_missing_hooks(channel, manifest, kind)
        if not self._layers:
            return channel
        made: Any = MiddlewareChannel(channel, manifest.name, self)
        entry_channel: C = made
        return entry_channel


class MiddlewareChannel:
    """A channel, of either sort, whose calls go through middleware first."""

    def __init__(self, channel: Any, plugin: str, stack: MiddlewareStack) -> None:
        self._channel = channel
        self._plugin = plugin
        self._stack = stack
        self.runtime: str = channel.runtime

    def bind(self, hook: Hook[Any, Any]) -> Callable[[Any], Any]:
        """Return the function that calls a hook through everything that is around it."""
        call: Callable[[Any], Any] = self._channel.bind(hook)
        for middleware in self._stack.of(hook):
            call = _wrap(middleware, call, self._plugin, self.runtime, hook)
        return call

    def stream(self, hook: StreamHook[Any, Any]) -> Callable[[Any], Any]:
        """Return the function that opens a stream through everything that is around its hook."""
        call: Callable[[Any], Any] = self._channel.stream(hook)
        for middleware in self._stack.of(hook):
            inside = _wrap_stream if iscoroutinefunction(middleware) else _wrap
            call = inside(middleware, call, self._plugin, self.runtime, hook)
        return call

    def lacks(self, hook: Hook[Any, Any]) -> PluginError | None:
        """Return the error of calls of a hook that the plugin lacks; `None` if it has it."""
        return missing_hook_error(self._channel, hook)

    def guards(self, hook: Hook[Any, Any]) -> bool:
        """Tell whether there is anything around a hook."""
        return any(True for _ in self._stack.of(hook))

    def close(self) -> None:
        """End the plugin's session."""
        self._channel.close()

    async def aclose(self) -> None:
        """End the plugin's session."""
        await self._channel.aclose()


def _wrap(
    middleware: Middleware, proceed: Proceed, plugin: str, runtime: str, hook: Hook[Any, Any]
) -> Callable[[Any], Any]:
    return lambda payload: middleware(HookCall(plugin, runtime, hook, payload), proceed)


def _wrap_stream(
    middleware: Middleware, proceed: Proceed, plugin: str, runtime: str, hook: Hook[Any, Any]
) -> Callable[[Any], Any]:
    """Await a middleware before the first item of a stream is returned."""

    async def opened(payload: Any) -> Any:
        return proceed(payload)

    async def stream(payload: Any) -> AsyncGenerator[Any]:
        call = HookCall(plugin, runtime, hook, payload)
        async with aclosing(await middleware(call, opened)) as items:
            async for item in items:
                yield item

    return stream


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
