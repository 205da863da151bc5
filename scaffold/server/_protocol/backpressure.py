"""Backpressure of streams: how far they run ahead, how long they wait, and whose turn it is."""

import math
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from scaffold._concurrency.locks import Rank, lock

if TYPE_CHECKING:
    import asyncio

_PER_LOOP_TURN: Final = 8
"""Generators that continue in one turn of the loop."""


class FlowControl:
    """Limits the bytes of a stream that were sent and not yet acknowledged.

    No thread waits here. A blocked stream registers a callback, which is called once there is room.
    All methods may be called from any thread.

    Args:
        window: The maximum of unacknowledged bytes.
        timeout: Seconds without an acknowledgement after which a blocked stream ends.
    """

    def __init__(self, window: int, timeout: float = math.inf) -> None:
        self.timeout = timeout
        self.stalled = False
        """True once the client has acknowledged nothing for `timeout` seconds."""
        self.ended = False
        """True once nothing more may be sent."""
        self._window = window
        self._sent = 0
        self._taken = 0
        self._last_progress = time.monotonic()
        """When the client last acknowledged bytes, or when the stream was blocked."""
        self._lock = lock(Rank.CONNECTION)
        self._callback: Callable[[], object] | None = None

    def add_sent(self, size: int) -> None:
        """Count the bytes of a message that is sent."""
        self._sent += size

    def acknowledge(self, total: int) -> None:
        """Set the total of acknowledged bytes; a lower total than before is ignored."""
        with self._lock:
            if total > self._taken:
                self._taken = total
                self._last_progress = time.monotonic()
            callback = self._take_callback()
        callback()

    def acknowledge_more(self, size: int) -> None:
        """Acknowledge further bytes."""
        self.acknowledge(self._taken + size)

    def cancel(self) -> None:
        """End the stream: the client does not want it any more."""
        with self._lock:
            self.ended = True
            callback = self._take_callback()
        callback()

    @property
    def is_full(self) -> bool:
        """True while the stream must wait for its client."""
        return self._sent - self._taken > self._window and not self.ended

    def call_when_room(self, callback: Callable[[], object]) -> None:
        """Call a function once, when there is room or the stream has ended.

        It is called on the thread that makes room, which may be this one.
        """
        with self._lock:
            self._callback = callback
            if self.is_full:
                self._last_progress = time.monotonic()
            callback = self._take_callback()
        callback()

    def check_timeout(self) -> None:
        """End the stream if its timeout has passed."""
        with self._lock:
            if self.is_full and self.seconds_left <= 0:
                self.stalled = self.ended = True
            callback = self._take_callback()
        callback()

    @property
    def seconds_left(self) -> float:
        """The seconds until the timeout."""
        return self._last_progress + self.timeout - time.monotonic()

    async def wait(self) -> None:
        """Wait in the running event loop until there is room or the stream has ended."""
        import asyncio

        loop = asyncio.get_running_loop()
        while self.is_full:
            future = self._room_future(loop)
            seconds_left = None if self.timeout == math.inf else max(0.0, self.seconds_left)
            await asyncio.wait((future,), timeout=seconds_left)
            self.check_timeout()

    def _room_future(self, loop: "asyncio.AbstractEventLoop") -> "asyncio.Future[None]":
        """Return a future that is done once there is room."""
        future: asyncio.Future[None] = loop.create_future()
        self.call_when_room(lambda: loop.call_soon_threadsafe(_set_done, future))
        return future

    def _take_callback(self) -> Callable[[], object]:
        """Return the callback if it is due, and forget it; else a function that does nothing."""
        if self._callback is None or self.is_full:
            return _nothing
        callback, self._callback = self._callback, None
        return callback


class TurnQueue:
    """Lets the generators of one event loop continue in the order of their arrival, a few per turn.

    Otherwise a thousand generators that are always ready would make one turn of the loop last for
    seconds, and every other call needs several turns.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._scheduled = False

    async def wait_turn(self) -> None:
        """Wait for a turn of the loop with room for this generator."""
        import asyncio

        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append(future)
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._admit, loop)
        await future

    def _admit(self, loop: "asyncio.AbstractEventLoop") -> None:
        waiting = self._waiting
        remaining = _PER_LOOP_TURN
        while waiting and remaining:
            future = waiting.popleft()
            if not future.done():  # it may have been cancelled
                future.set_result(None)
                remaining -= 1
        self._scheduled = bool(waiting)
        if waiting:
            loop.call_soon(self._admit, loop)


def _nothing() -> None:
    """Do nothing: either the stream is not blocked, or it must still wait."""


def _set_done(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
