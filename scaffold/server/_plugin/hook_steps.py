"""A call as a generator that yields what may have to be awaited.

The same steps serve hooks written as `def` and as `async def`, on a thread or in an event loop:
they yield what a method of the plugin returned, and are sent its value.
"""

from collections.abc import Callable, Generator
from inspect import isawaitable
from types import CoroutineType
from typing import Any, TypeAlias, TypeVar

from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS

__all__ = [
    "Steps",
    "await_if_needed",
    "is_async",
    "run_steps",
    "run_steps_async",
    "unexpected_awaitable",
]

T = TypeVar("T")
Steps: TypeAlias = Generator[Any, Any, T]


def is_async(method: Callable[..., Any]) -> bool:
    """Tell whether a method is written as `async def`.

    Reads the code's own flags (CO_COROUTINE, CO_ASYNC_GENERATOR), which a plain wrapper around the
    method has not.
    """
    code = getattr(method, "__code__", None)
    return code is not None and bool(code.co_flags & _ASYNC)


_ASYNC = 0x80 | 0x200


def run_steps(steps: Steps[T]) -> T:
    """Take the steps of plain functions, on this thread."""
    try:
        value = next(steps)
        while True:
            if type(value) is CoroutineType:
                value = steps.throw(unexpected_awaitable(value))
            else:
                value = steps.send(value)
    except StopIteration as stop:
        result: T = stop.value
        return result


def unexpected_awaitable(coroutine: Any) -> TypeError:
    """Return the error for what a method returned that is not written as `async def`."""
    coroutine.close()
    return TypeError("returned an awaitable: write it as 'async def'")


async def run_steps_async(steps: Steps[T]) -> T:
    """Take the steps in the running event loop, awaiting what is awaitable."""
    try:
        value = next(steps)
        while True:
            try:
                result_value = await value if isawaitable(value) else value
            except PLUGIN_EXCEPTIONS as error:
                value = steps.throw(error)
            else:
                value = steps.send(result_value)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def await_if_needed(value: Any) -> Any:
    """Await what is awaitable."""
    return await value if isawaitable(value) else value
