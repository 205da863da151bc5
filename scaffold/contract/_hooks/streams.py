"""Streams: hooks that return any number of items, each a payload of its own.

A plugin writes such a hook as a generator, plain or asynchronous. A caller gets a generator, plain
from a `Client` and asynchronous from an `AsyncClient`, and the same one from every runtime:

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
from typing import Any, TypeVar

from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.hook import Hook, StreamHook
from scaffold.contract._json.types import Json, JsonObject, is_object

T = TypeVar("T")


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
