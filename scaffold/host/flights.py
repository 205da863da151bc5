"""The calls under way in a plugin of this process: who wants to reload it must wait for them."""

import time
from typing import Final

from scaffold.contract.errors import ConnectFailed

__all__ = ["Calls", "Flights", "closed"]

_PAUSE: Final = 0.005
"""Seconds between two looks: waiting is rare, so it costs the calls nothing."""


class Calls:
    """The calls of one hook that are under way.

    `+=` on a slot is one step for other threads: the interpreter lets them in at calls and jumps
    only. A lock would cost more than the rest of a call.
    """

    __slots__ = ("under_way",)

    def __init__(self) -> None:
        self.under_way = 0


class Flights:
    """Counts the calls under way, hook by hook."""

    def __init__(self) -> None:
        self._hooks: dict[str, list[Calls]] = {}
        self.closed = False
        """True once no call may begin any more."""

    def of(self, hook: str) -> Calls:
        """Return a new counter for calls of a hook."""
        calls = Calls()
        self.add(hook, calls)
        return calls

    def add(self, hook: str, calls: Calls) -> None:
        """Heed a counter of somebody else's, who calls several plugins at once."""
        known = self._hooks.setdefault(hook, [])
        if not any(calls is one for one in known):
            known.append(calls)

    def count(self) -> dict[str, int]:
        """Return how many calls are under way, for those hooks that have any."""
        hooks = list(self._hooks.items())
        counts = {hook: sum(calls.under_way for calls in known) for hook, known in hooks}
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


def closed() -> ConnectFailed:
    """Return the error of a call that may not begin, or not go on, any more."""
    return ConnectFailed("the channel is closed")
