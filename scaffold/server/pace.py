"""Which plain functions are quick enough to run in an event loop itself.

Handing a call to a thread and back costs more than most hooks do. A function that has answered many
times in a row without ever taking long is trusted to run where it is called; one that breaks the
trust goes back to the threads, and must earn it again with more calls each time. What waits for a
network or a disk does not come under the limit, so it never blocks the loop.
"""

from typing import Final

__all__ = ["Pace"]

_QUICK: Final = 0.000_2
"""Seconds that a call may take, its payloads included."""
_TRIALS: Final = 32
"""Calls in a row that must have been quick."""
_LONGER: Final = 8
"""How many times more calls it takes, each time the trust was broken."""


class Pace:
    """What is known of one function's speed."""

    def __init__(self) -> None:
        self._needed = _TRIALS
        self._quick = 0

    @property
    def is_trusted(self) -> bool:
        """True if the next call may run in the loop."""
        return self._quick >= self._needed

    def took(self, seconds: float) -> None:
        """Note how long a call has taken."""
        if seconds <= _QUICK:
            self._quick += 1
        else:
            if self.is_trusted:
                self._needed *= _LONGER
            self._quick = 0
