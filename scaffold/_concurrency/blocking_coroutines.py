"""Coroutines that block and never suspend, so that code for event loops also serves threads.

What is written once for both is a coroutine. Whatever waits in it is a method of an object. In an
event loop that method awaits. For threads it blocks, so nothing ever suspends, and `run` completes
the coroutine on the calling thread, without a loop.
"""

from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def run(work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **keywords: P.kwargs) -> T:
    """Call an `async` function that never suspends, and return its result.

    A signal handler may raise in any step of it, as in a plain function: nothing comes between two
    steps that could lose the result of one.
    """
    try:
        # In one expression: an interrupt must not leave a coroutine that is never awaited.
        work(*args, **keywords).send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError("a function that must not suspend has awaited something")
