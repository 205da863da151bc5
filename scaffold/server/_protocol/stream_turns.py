"""Turns of asynchronous generators: only a few of them continue in each turn of the event loop.

Otherwise a thousand generators that are always ready would make one turn of the loop last for
seconds, and every other call needs several turns.
"""

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio

_PER_LOOP_TURN: Final = 8
"""Generators that continue in one turn of the loop."""


class TurnQueue:
    """Lets the generators of one event loop continue in the order of their arrival."""

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
