"""Streams: hooks that answer with any number of items, each a payload of its own.

A plugin writes such a hook as a generator, plain or asynchronous. A caller gets a generator, plain
from a `Client` and asynchronous from an `AsyncClient`, and the same one from every runtime:

- The input is checked when the hook is called; the plugin begins when the first item is asked for.
- Items come in order, each checked as the output of a hook is. What the plugin raises comes after
  the items before it.
- The plugin is held up while nobody asks for more. Over a wire it may be some items ahead.
- `close` and `aclose`, or dropping the generator, close the plugin's. One that is busy on a thread
  of its own is closed when it gets to its next item.
- A hook's timeout is for each item, from when it is asked for until it is there.
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

__all__ = [
    "array_schema",
    "bind_any_hook",
    "bind_any_hook_async",
    "dump_output",
    "is_async_iterator",
    "iterator_of",
]

T = TypeVar("T")


def iterator_of(value: Any) -> Iterator[Any]:
    """Return the iterator of what a plain stream hook has returned; raise `TypeError`."""
    if iscoroutine(value):
        value.close()
        raise TypeError("returned a coroutine: a stream hook yields its items")
    made: Iterable[Any] = value
    return iter(made)


def is_async_iterator(value: Any) -> bool:
    """Tell whether a stream hook has returned what must be iterated in an event loop."""
    return isinstance(value, AsyncIterator)


def bind_any_hook(channel: Channel, hook: Hook[Any, Any]) -> Callable[[Any], Any]:
    """Return the function that calls any hook; for a stream it returns the list of all items."""
    if not isinstance(hook, StreamHook):
        return channel.bind(hook)
    call: Callable[[Any], Generator[Any]] = channel.stream(hook)
    return lambda payload: list(call(payload))


def bind_any_hook_async(
    channel: AsyncChannel, hook: Hook[Any, Any]
) -> Callable[[Any], Awaitable[Any]]:
    """Return what `bind_any_hook` does, for an event loop."""
    if not isinstance(hook, StreamHook):
        return channel.bind(hook)
    call: Callable[[Any], AsyncGenerator[Any]] = channel.stream(hook)

    async def collect(payload: Any) -> list[Any]:
        return [item async for item in call(payload)]

    return collect


def dump_output(hook: Hook[Any, Any], answer: Any) -> bytes:
    """Write what `bind_any_hook` returned as JSON; raise `InvalidOutput`."""
    if not hook.streams:
        return hook.output.dump(answer)
    return b"[%b]" % b",".join(map(hook.output.dump, answer))


def array_schema(schema: Json) -> JsonObject:
    """Return the schema of all items of a stream together, for those who know no streams.

    The schema moves a level down: an `$id` keeps its own references pointing at itself.
    """
    inner = schema
    if is_object(schema) and "$id" not in schema:
        inner = {"$id": "hookspec:item", **schema}
    return {"type": "array", "items": inner}
