"""Turns for the asynchronous generators of a server: a few of them go on in each turn of the loop.

A thousand that are always ready would else make one turn of the event loop last for seconds, and
every other call waits for several turns.
"""

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio

__all__ = ["Turnstile"]

_AT_ONCE: Final = 8
"""Generators that go on in one turn of the loop."""


class Turnstile:
    """Lets generators go on in the order in which they came. For one event loop."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._turning = False

    async def turn(self) -> None:
        """Wait for the next turn of the loop that has room."""
        import asyncio

        loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = loop.create_future()
        self._waiting.append(opened)
        if not self._turning:
            self._turning = True
            loop.call_soon(self._let_in, loop)
        await opened

    def _let_in(self, loop: "asyncio.AbstractEventLoop") -> None:
        waiting = self._waiting
        left = _AT_ONCE
        while waiting and left:
            opened = waiting.popleft()
            if not opened.done():  # it may have been cancelled
                opened.set_result(None)
                left -= 1
        self._turning = bool(waiting)
        if waiting:
            loop.call_soon(self._let_in, loop)
