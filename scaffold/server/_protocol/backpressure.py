"""Backpressure: how far a stream may run ahead of its client, and for how long it waits for it."""

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from scaffold._concurrency.locks import Rank, lock

if TYPE_CHECKING:
    import asyncio

__all__ = ["FlowControl"]


class FlowControl:
    """Counts the bytes of a stream that its client has not taken, against those it allows.

    Nothing waits in a thread: what is held up leaves a function here, which is called once there is
    room. Any thread may say what was taken.

    Args:
        window: The bytes that may be under way.
        patience: Seconds after which a stream ends whose client takes nothing.
    """

    def __init__(self, window: int, timeout: float = math.inf) -> None:
        self.timeout = timeout
        self.stalled = False
        """True once the client has taken nothing for `timeout` seconds."""
        self.ended = False
        """True once nothing more is to be sent."""
        self._window = window
        self._sent = 0
        self._taken = 0
        self._last_progress = time.monotonic()
        """When the client took something, or when the stream was held up."""
        self._lock = lock(Rank.CONNECTION)
        self._callback: Callable[[], object] | None = None

    def add_sent(self, size: int) -> None:
        """Count a message on its way."""
        self._sent += size

    def acknowledge(self, total: int) -> None:
        """Note how much has been taken in all; less than before changes nothing."""
        with self._lock:
            if total > self._taken:
                self._taken = total
                self._last_progress = time.monotonic()
            callback = self._take_callback()
        callback()

    def acknowledge_more(self, size: int) -> None:
        """Count a message that was taken."""
        self.acknowledge(self._taken + size)

    def cancel(self) -> None:
        """Send no more: the client has gone."""
        with self._lock:
            self.ended = True
            callback = self._take_callback()
        callback()

    @property
    def is_full(self) -> bool:
        """True while the stream must wait for its client."""
        return self._sent - self._taken > self._window and not self.ended

    def call_when_room(self, callback: Callable[[], object]) -> None:
        """Call a function once, as soon as there is room or the stream has ended.

        It is called on the thread that makes room, which may be this one.
        """
        with self._lock:
            self._callback = callback
            if self.is_full:
                self._last_progress = time.monotonic()
            callback = self._take_callback()
        callback()

    def check_timeout(self) -> None:
        """End the stream if its client has taken nothing for too long."""
        with self._lock:
            if self.is_full and self.seconds_left <= 0:
                self.stalled = self.ended = True
            callback = self._take_callback()
        callback()

    @property
    def seconds_left(self) -> float:
        """The seconds that the client still has to take something."""
        return self._last_progress + self.timeout - time.monotonic()

    async def wait(self) -> None:
        """Wait in an event loop until there is room. A call there is cancelled to give it up."""
        import asyncio

        loop = asyncio.get_running_loop()
        while self.is_full:
            future = self._room_future(loop)
            seconds_left = None if self.timeout == math.inf else max(0.0, self.seconds_left)
            await asyncio.wait((future,), timeout=seconds_left)
            self.check_timeout()

    def _room_future(self, loop: "asyncio.AbstractEventLoop") -> "asyncio.Future[None]":
        """Return what is done once there is room."""
        future: asyncio.Future[None] = loop.create_future()
        self.call_when_room(lambda: loop.call_soon_threadsafe(_set_done, future))
        return future

    def _take_callback(self) -> Callable[[], object]:
        """Take the function that is to be called now; one that does nothing if there is none."""
        if self._callback is None or self.is_full:
            return _nothing
        callback, self._callback = self._callback, None
        return callback


def _nothing() -> None:
    """Wake nothing: the stream is not held up, or still is."""


def _set_done(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
