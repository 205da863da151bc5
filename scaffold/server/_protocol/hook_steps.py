"""Steps: a call as a generator, so that `def` and `async def` hooks share one implementation.

The generator yields what a method of the plugin returned: a value or an awaitable. `run_steps` and
`run_steps_async` send the value back, on a thread or in an event loop.
"""

from collections.abc import Callable, Generator
from inspect import isawaitable
from types import CoroutineType
from typing import Any, TypeAlias, TypeVar

from scaffold.contract._context.telemetry import Tracer
from scaffold.contract._errors.masking import (
    ANY_EXCEPTION,
    as_exception,
    is_cancellation,
    is_requested,
)
from scaffold.contract._hooks.hook import Hook

T = TypeVar("T")
Steps: TypeAlias = Generator[Any, Any, T]


def is_async(method: Callable[..., Any]) -> bool:
    """Return whether a method is written as `async def`.

    It reads the flags CO_COROUTINE and CO_ASYNC_GENERATOR. A plain wrapper around an `async`
    method does not have them.
    """
    code = getattr(method, "__code__", None)
    return code is not None and bool(code.co_flags & _ASYNC)


_ASYNC = 0x80 | 0x200


def run_steps(steps: Steps[T]) -> T:
    """Run the steps of a plain hook on this thread; return the result."""
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
    """Close a coroutine that a method written as `def` returned; return the error for it."""
    coroutine.close()
    return TypeError("returned an awaitable: write it as 'async def'")


async def run_steps_async(steps: Steps[T]) -> T:
    """Run the steps in the running event loop and await each awaitable; return the result."""
    try:
        value = next(steps)
        while True:
            try:
                result_value = await value if isawaitable(value) else value
            except ANY_EXCEPTION as error:
                if is_cancellation(error) and is_requested(error):
                    raise
                value = steps.throw(as_exception(error))
            else:
                value = steps.send(result_value)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def await_if_needed(value: Any) -> Any:
    """Return a value, or the result of an awaitable."""
    return await value if isawaitable(value) else value


def traced(
    method: Callable[..., Any], hook: Hook[Any, Any], plugin: str, tracer: Tracer
) -> Callable[..., Any]:
    """Return the method with a span around each call; `async` if the method is `async`."""
    name, facts = f"{hook.kind.name}.{hook.name}", {"plugin": plugin}

    def call(*payload: Any) -> Any:
        with tracer.span(name, facts):
            return method(*payload)

    async def call_async(*payload: Any) -> Any:
        with tracer.span(name, facts):
            return await method(*payload)

    return call_async if is_async(method) else call
