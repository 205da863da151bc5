"""The resource `clock`: the time, which a test can stop."""

import time

from typing_extensions import override

__all__ = ["Clock", "FrozenClock"]


class Clock:
    """The time: a plugin that asks the host for it can be tested at any time."""

    def now(self) -> float:
        """Return seconds since 1970, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since some moment; they never go back."""
        return time.monotonic()


class FrozenClock(Clock):
    """A clock that stands still at a moment, in seconds since 1970."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    @override
    def now(self) -> float:
        return self._moment

    @override
    def monotonic(self) -> float:
        return 0.0
