"""Which plain functions are quick enough to run in an event loop itself.

Handing a call to a thread and back costs more than most hooks do. A function that has answered many
times in a row without ever taking long is trusted to run where it is called; one that breaks the
trust goes back to the threads, and must earn it again with more calls each time. What waits for a
network or a disk does not come under the limit, so it never blocks the loop.
"""

from typing import Final

__all__ = ["Pace"]

_QUICK: Final = 0.000_5
"""Seconds that a call may take to earn trust, its payloads included."""
_SLOW: Final = 0.005
"""Seconds that break the trust when several calls in a row take them."""
_STUCK: Final = 0.05
"""Seconds that break it at once: longer than a busy machine makes a quick call look."""
_STRIKES: Final = 3
"""Slow calls in a row that break the trust."""
_TRIALS: Final = 32
"""Calls in a row that must have been quick."""
_LONGER: Final = 8
"""How many times more calls it takes, each time the trust was broken."""


class Pace:
    """What is known of one function's speed."""

    def __init__(self) -> None:
        self._needed = _TRIALS
        self._quick = 0
        self._slow = 0

    @property
    def is_trusted(self) -> bool:
        """True if the next call may run in the loop."""
        return self._quick >= self._needed

    def took(self, seconds: float) -> None:
        """Note how long a call has taken."""
        if seconds <= _QUICK:
            self._quick += 1
            self._slow = 0
        elif not self.is_trusted:
            self._quick = 0
        elif seconds > _SLOW:
            self._slow += 1
            if seconds > _STUCK or self._slow == _STRIKES:
                self._needed *= _LONGER
                self._quick = self._slow = 0
