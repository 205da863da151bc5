"""Backpressure: how far a stream may run ahead of its client, and for how long it waits for it."""

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from scaffold._concurrency.locks import Rank, lock

if TYPE_CHECKING:
    import asyncio

__all__ = ["Flow"]


class Flow:
    """Counts the bytes of a stream that its client has not taken, against those it allows.

    Nothing waits in a thread: what is held up leaves a function here, which is called once there is
    room. Any thread may say what was taken.

    Args:
        window: The bytes that may be under way.
        patience: Seconds after which a stream ends whose client takes nothing.
    """

    def __init__(self, window: int, patience: float = math.inf) -> None:
        self.patience = patience
        self.stalled = False
        """True once the client has taken nothing for `patience` seconds."""
        self.ended = False
        """True once nothing more is to be sent."""
        self._window = window
        self._sent = 0
        self._taken = 0
        self._moved = time.monotonic()
        """When the client took something, or when the stream was held up."""
        self._lock = lock(Rank.CONNECTION)
        self._wake: Callable[[], object] | None = None

    def sent(self, size: int) -> None:
        """Count a message on its way."""
        self._sent += size

    def take(self, total: int) -> None:
        """Note how much has been taken in all; less than before changes nothing."""
        with self._lock:
            if total > self._taken:
                self._taken = total
                self._moved = time.monotonic()
            wake = self._due()
        wake()

    def written(self, size: int) -> None:
        """Count a message that was taken."""
        self.take(self._taken + size)

    def give_up(self) -> None:
        """Send no more: the client has gone."""
        with self._lock:
            self.ended = True
            wake = self._due()
        wake()

    @property
    def is_full(self) -> bool:
        """True while the stream must wait for its client."""
        return self._sent - self._taken > self._window and not self.ended

    def when_room(self, wake: Callable[[], object]) -> None:
        """Call a function once, as soon as there is room or the stream has ended.

        It is called on the thread that makes room, which may be this one.
        """
        with self._lock:
            self._wake = wake
            if self.is_full:
                self._moved = time.monotonic()
            wake = self._due()
        wake()

    def expire(self) -> None:
        """End the stream if its client has taken nothing for too long."""
        with self._lock:
            if self.is_full and self.left <= 0:
                self.stalled = self.ended = True
            wake = self._due()
        wake()

    @property
    def left(self) -> float:
        """The seconds that the client still has to take something."""
        return self._moved + self.patience - time.monotonic()

    async def wait(self) -> None:
        """Wait in an event loop until there is room. A call there is cancelled to give it up."""
        import asyncio

        loop = asyncio.get_running_loop()
        while self.is_full:
            opened = self._opened(loop)
            left = None if self.patience == math.inf else max(0.0, self.left)
            await asyncio.wait((opened,), timeout=left)
            self.expire()

    def _opened(self, loop: "asyncio.AbstractEventLoop") -> "asyncio.Future[None]":
        """Return what is done once there is room."""
        opened: asyncio.Future[None] = loop.create_future()
        self.when_room(lambda: loop.call_soon_threadsafe(_resolve, opened))
        return opened

    def _due(self) -> Callable[[], object]:
        """Take the function that is to be called now; one that does nothing if there is none."""
        if self._wake is None or self.is_full:
            return _nothing
        wake, self._wake = self._wake, None
        return wake


def _nothing() -> None:
    """Wake nothing: the stream is not held up, or still is."""


def _resolve(opened: "asyncio.Future[None]") -> None:
    if not opened.done():
        opened.set_result(None)
