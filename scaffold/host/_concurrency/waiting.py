"""Waits that cost the calls of plugins nothing: for a condition, or for another close.

A wait looks now and then, and takes no lock: so it may be made in a signal handler.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from scaffold._concurrency.forks import reset_after_fork

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


CLOSE_TIMEOUT: Final = 15.0
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

    def is_over(self) -> bool:
        """Tell whether no close has the turn."""
        return not self._turns

    def _forget(self) -> None:
        self._turns: list[object] = []
