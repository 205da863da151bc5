"""The resource `clock`: the current time, which a test can freeze."""

import time

from typing_extensions import override


class Clock:
    """The current time. A plugin that uses it can be tested with a `FrozenClock`."""

    def now(self) -> float:
        """Return seconds since 1970, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since an arbitrary moment; the value never decreases."""
        return time.monotonic()


class FrozenClock(Clock):
    """A clock that always shows the same moment, in seconds since 1970 (UTC)."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    @override
    def now(self) -> float:
        return self._moment

    @override
    def monotonic(self) -> float:
        return 0.0
