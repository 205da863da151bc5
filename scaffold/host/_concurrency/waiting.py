"""Waits that cost the calls of plugins nothing: for a condition, another close, a cancelled task.

A wait looks now and then, and takes no lock: so it may be made in a signal handler.
"""

import time
from collections.abc import Callable, Collection, Coroutine, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, TypeVar

from scaffold._concurrency.forks import reset_after_fork

if TYPE_CHECKING:
    import asyncio


POLL_INTERVAL: Final = 0.005
"""Seconds between two looks."""


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition holds; return False if it does not when time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_INTERVAL)
    return True


async def async_wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait as `wait_until` does, and let the event loop run meanwhile."""
    import asyncio

    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_INTERVAL)
    return True


_ANOTHER: Final = 15.0
"""Seconds for which a close waits for another one."""

_around: Final[ContextVar[tuple[object, ...]]] = ContextVar("scaffold_closing", default=())
"""The closes that this code is part of: a plugin's teardown may close its host."""


class CloseOnce:
    """The turn to close a host."""

    def __init__(self) -> None:
        self._forget()
        reset_after_fork(self._forget)

    @property
    def is_around(self) -> bool:
        """True in code that a close of this host calls: it must not wait for that."""
        return self in _around.get()

    @contextmanager
    def turn(self) -> Generator[bool]:
        """Take the turn within a `with` statement; yield False if another one has it."""
        turns, turn, around = self._turns, object(), _around.get()
        try:  # a signal handler may raise after any call: the turn is noted before it is taken
            _around.set((*around, self))
            turns.append(turn)
            if turns[0] is not turn:
                turns.remove(turn)
            yield turn in turns
        finally:
            if turn in turns:
                turns.remove(turn)
            _around.set(around)

    def wait(self) -> None:
        """Wait for the end of the close that has the turn, for a bounded time."""
        wait_until(lambda: not self._turns, _ANOTHER)

    async def wait_async(self) -> None:
        """Wait as `wait` does, and let the event loop run meanwhile."""
        await async_wait_until(lambda: not self._turns, _ANOTHER)

    def _forget(self) -> None:
        self._turns: list[object] = []


T = TypeVar("T")


async def run_to_completion(work: Coroutine[Any, Any, T]) -> T:
    """Await work to its end, even if this task is cancelled meanwhile.

    The cancellation is raised after the work. The work must set time limits of its own.
    """
    import asyncio

    task = asyncio.create_task(work)
    cancelled = await _end_of({task})
    if cancelled is not None and not task.cancelled():
        task.exception()  # it is noted; the cancellation is what counts
        raise cancelled
    return task.result()


async def cancel_all(tasks: "Collection[asyncio.Task[Any]]") -> None:
    """Cancel tasks and wait until they have ended; what they raise is dropped."""
    for task in tasks:
        task.cancel()
    cancelled = await _end_of(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()
    if cancelled is not None:
        raise cancelled


async def _end_of(tasks: "Collection[asyncio.Task[Any]]") -> "asyncio.CancelledError | None":
    """Wait until tasks have ended; return the cancellation of this task that came meanwhile."""
    import asyncio

    cancelled: asyncio.CancelledError | None = None
    while left := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(left)
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled
