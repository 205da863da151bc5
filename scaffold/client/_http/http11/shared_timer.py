"""One timer for all who wait in an event loop: one for each would cost as much as a request."""

import asyncio
from typing import Protocol

__all__ = ["Alarm"]


class Waiting(Protocol):
    """Somebody who waits for something."""

    due: float
    """When that must have come, by the clock of the loop."""

    def ring(self) -> None:
        """Hear that it has not."""
        ...


class Alarm:
    """Tells those whose time is up."""

    def __init__(self) -> None:
        self._waiting: set[Waiting] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0

    def add(self, who: Waiting, loop: asyncio.AbstractEventLoop) -> None:
        """Look after somebody until `remove`, or until the time is up."""
        self._waiting.add(who)
        if self._timer is None or who.due < self._next:
            self._set(who.due, loop)

    def remove(self, who: Waiting) -> None:
        """Forget about somebody."""
        self._waiting.discard(who)

    def _set(self, when: float, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = when
        self._timer = loop.call_at(when, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        for who in [who for who in self._waiting if who.due <= now]:
            self._waiting.discard(who)
            who.ring()
        if self._waiting:
            self._set(min(who.due for who in self._waiting), loop)
