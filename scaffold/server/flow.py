"""How far a stream may run ahead of its client."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

__all__ = ["Flow"]


class Flow:
    """Counts the bytes of a stream that its client has not taken, against those it allows.

    Whoever sends waits here: in a thread, or in an event loop. Any thread may tell what was taken.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._sent = 0
        self._taken = 0
        self._ended = False
        self._changed = threading.Condition()
        self._wake: Callable[[], object] | None = None

    def sent(self, size: int) -> None:
        """Count a message on its way."""
        self._sent += size

    def take(self, total: int) -> None:
        """Hear how much has been taken in all; what is less than before means nothing."""
        with self._changed:
            self._taken = max(self._taken, total)
            self._stir()

    def written(self, size: int) -> None:
        """Count a message that was taken."""
        self.take(self._taken + size)

    def give_up(self) -> None:
        """Send no more: the client has gone."""
        with self._changed:
            self._ended = True
            self._stir()

    def wait(self) -> bool:
        """Wait until there is room for a message; return `False` if none is wanted any more."""
        if self._full:
            with self._changed:
                self._changed.wait_for(lambda: not self._full)
        return not self._ended

    async def wait_async(self) -> None:
        """Wait as `wait` does. Calls that run in a loop are given up by being cancelled."""
        import asyncio

        await asyncio.sleep(0)  # a generator that never waits must not keep the loop to itself
        while self._full:
            await self._opened(asyncio.get_running_loop())

    def _opened(self, loop: "asyncio.AbstractEventLoop") -> "asyncio.Future[None]":
        """Return what is done when something has changed."""
        opened: asyncio.Future[None] = loop.create_future()
        with self._changed:
            self._wake = lambda: loop.call_soon_threadsafe(_resolve, opened)
            if not self._full:
                self._stir()
        return opened

    @property
    def _full(self) -> bool:
        return self._sent - self._taken > self._window and not self._ended

    def _stir(self) -> None:
        self._changed.notify_all()
        wake, self._wake = self._wake, None
        if wake is not None:
            wake()


def _resolve(opened: "asyncio.Future[None]") -> None:
    if not opened.done():
        opened.set_result(None)
