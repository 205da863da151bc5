"""Turns for the asynchronous generators of a server: a few of them go on in each turn of the loop.

A thousand that are always ready would else make one turn of the event loop last for seconds, and
every other call waits for several turns.
"""

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio

__all__ = ["TurnQueue"]

_PER_LOOP_TURN: Final = 8
"""Generators that go on in one turn of the loop."""


class TurnQueue:
    """Lets generators go on in the order in which they came. For one event loop."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._scheduled = False

    async def wait_turn(self) -> None:
        """Wait for the next turn of the loop that has room."""
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
