"""The calls under way in a plugin of this process: who wants to reload it must wait for them."""

import time
from typing import Final

__all__ = ["Flights"]

_PAUSE: Final = 0.005
"""Seconds between two looks: waiting is rare, so it costs the calls nothing."""


class Flights:
    """Counts the calls under way, hook by hook.

    A call appends to the list of its hook and pops from it, which no other thread can interrupt.
    """

    def __init__(self) -> None:
        self._hooks: dict[str, list[list[None]]] = {}
        self.closed = False
        """True once no call may begin any more."""

    def of(self, hook: str) -> list[None]:
        """Return a new list for calls of a hook."""
        calls: list[None] = []
        self.add(hook, calls)
        return calls

    def add(self, hook: str, calls: list[None]) -> None:
        """Count a list of somebody else's, who calls several plugins at once."""
        known = self._hooks.setdefault(hook, [])
        if not any(calls is one for one in known):
            known.append(calls)

    def count(self) -> dict[str, int]:
        """Return how many calls are under way, for those hooks that have any."""
        counts = {hook: sum(map(len, known)) for hook, known in list(self._hooks.items())}
        return {hook: count for hook, count in counts.items() if count}

    def landed(self, seconds: float) -> bool:
        """Wait until no call is under way; return False if some still are when time is up."""
        deadline = time.monotonic() + seconds
        while self.count():
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE)
        return True

    async def landed_async(self, seconds: float) -> bool:
        """Wait as `landed` does, and let the event loop run meanwhile."""
        import asyncio

        deadline = time.monotonic() + seconds
        while self.count():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_PAUSE)
        return True
