"""The calls under way in a plugin of this process: who wants to reload it must wait for them."""

import time
from collections.abc import Callable
from typing import Final
from weakref import ref

from scaffold.contract.errors import ConnectFailed

__all__ = ["Calls", "Flights", "closed"]

_PAUSE: Final = 0.005
"""Seconds between two looks: waiting is rare, so it costs the calls nothing."""


class Calls:
    """The calls of one hook that are under way, for who calls several plugins at once.

    `+=` on a slot, or on a variable of an enclosing function, is one step for other threads: an
    interpreter with a global lock lets them in at calls and jumps only. A lock would cost more than
    the rest of a call; `docs/decisions/0012-counting-calls.md` has the reasons.
    """

    __slots__ = ("__weakref__", "over", "under_way")

    def __init__(self) -> None:
        self.under_way = 0
        self.over = False
        """True once the plugins are others; to be looked at after the call has been counted."""


class Flights:
    """Counts the calls under way, hook by hook."""

    def __init__(self) -> None:
        self._counts: dict[str, list[Callable[[], int]]] = {}
        self._shared: dict[str, list[ref[Calls]]] = {}
        self._gates: list[Callable[[], None]] = []
        self._closed = False

    @property
    def closed(self) -> bool:
        """True once no call may begin any more."""
        return self._closed

    @closed.setter
    def closed(self, closed: bool) -> None:
        self._closed = closed
        for gate in self._gates:
            gate()

    def watch(self, hook: str, count: Callable[[], int], gate: Callable[[], None]) -> None:
        """Heed a function that counts its own calls; `gate` has it look at `closed` again.

        It must look whether it is to refuse a call after it has counted it. Then whoever closes
        and looks at the count afterwards has seen every call that goes on.
        """
        self._counts.setdefault(hook, []).append(count)
        self._gates.append(gate)

    def of(self, hook: str) -> Calls:
        """Return a new counter for calls of a hook."""
        calls = Calls()
        self.add(hook, calls)
        return calls

    def add(self, hook: str, calls: Calls) -> None:
        """Heed a counter of somebody's who calls several plugins at once, as long as he has it."""
        known = [one for one in self._shared.get(hook, ()) if one() is not None]
        self._shared[hook] = [*known, ref(calls)]

    def count(self) -> dict[str, int]:
        """Return how many calls are under way, for those hooks that have any."""
        found: dict[str, int] = {}
        for hook, counts in list(self._counts.items()):
            found[hook] = sum(count() for count in counts)
        for hook, known in list(self._shared.items()):
            alive = filter(None, (one() for one in known))
            found[hook] = found.get(hook, 0) + sum(calls.under_way for calls in alive)
        return {hook: count for hook, count in found.items() if count}

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
