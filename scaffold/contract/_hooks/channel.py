"""The interface between a typed client and a plugin, the same in every runtime.

A hook may return a stream: any number of items, each a payload of its own. A plugin writes such a
hook as a generator, plain or asynchronous. A caller gets a generator, plain from a `Client` and
asynchronous from an `AsyncClient`, and the same one from every runtime:

- The input is validated when the hook is called. The plugin starts at the request for the first
  item.
- Items come in order, each validated like the output of a hook. An exception of the plugin comes
  after the items before it.
- The plugin waits until the caller asks for the next item. Over a wire it may be some items ahead.
- `close`, `aclose`, or dropping the generator closes the generator of the plugin. If that is busy
  on another thread, it is closed at its next item.
- The timeout of a hook applies to each item, from the request for it to its arrival.
"""

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
)
from inspect import iscoroutine
from typing import Any, Protocol, TypeVar

from scaffold.contract._hooks.hook import Hook, StreamHook
from scaffold.contract._json import Json, JsonObject, is_object

In = TypeVar("In")
Out = TypeVar("Out")


class Channel(Protocol):
    """Calls hooks, and blocks until they return. Thread-safe."""

    @property
    def runtime(self) -> str:
        """`in_process`, `mcp_stdio` or `mcp_http`."""
        ...

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Out]:
        """Return the function that calls `hook` and raises `HookError` or `TransportError`."""
        ...

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], Generator[Out]]:
        """Return the function that opens a stream of `hook`."""
        ...

    def close(self) -> None:
        """Close the session, and end the process if the channel started it. May be repeated."""
        ...


class AsyncChannel(Protocol):
    """Calls hooks from an event loop."""

    @property
    def runtime(self) -> str:
        """`in_process`, `mcp_stdio` or `mcp_http`."""
        ...

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        """Return the function that calls `hook` and raises `HookError` or `TransportError`."""
        ...

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], AsyncGenerator[Out]]:
        """Return the function that opens a stream of `hook`."""
        ...

    async def aclose(self) -> None:
        """Close the session, and end the process if the channel started it. May be repeated."""
        ...


def iterator_of(value: Any) -> Iterator[Any]:
    """Return the iterator of the value of a stream hook; raise `TypeError` if it has none."""
    if iscoroutine(value):
        value.close()
        raise TypeError("returned a coroutine: a stream hook must yield its items")
    made: Iterable[Any] = value
    return iter(made)


def is_async_iterator(value: Any) -> bool:
    """Return whether the value of a stream hook must be iterated in an event loop."""
    return isinstance(value, AsyncIterator)


def bind_any_hook(channel: Channel, hook: Hook[Any, Any]) -> Callable[[Any], Any]:
    """Return a function that calls any hook; for a stream it returns a list of all items."""
    if not isinstance(hook, StreamHook):
        return channel.bind(hook)
    call: Callable[[Any], Generator[Any]] = channel.stream(hook)
    return lambda payload: list(call(payload))


def bind_any_hook_async(
    channel: AsyncChannel, hook: Hook[Any, Any]
) -> Callable[[Any], Awaitable[Any]]:
    """Return the same function as `bind_any_hook`, for an event loop."""
    if not isinstance(hook, StreamHook):
        return channel.bind(hook)
    call: Callable[[Any], AsyncGenerator[Any]] = channel.stream(hook)

    async def collect(payload: Any) -> list[Any]:
        return [item async for item in call(payload)]

    return collect


def dump_output(hook: Hook[Any, Any], answer: Any) -> bytes:
    """Write the result of a function of `bind_any_hook` as JSON; raise `InvalidOutput`."""
    if not hook.streams:
        return hook.output.dump(answer)
    return b"[%b]" % b",".join(map(hook.output.dump, answer))


def array_schema(schema: Json) -> JsonObject:
    """Return the schema of the list of all items, for clients that do not support streams.

    The schema moves one level down. An `$id` keeps its references relative to itself.
    """
    inner = schema
    if is_object(schema) and "$id" not in schema:
        inner = {"$id": "hookspec:item", **schema}
    return {"type": "array", "items": inner}
