"""Which plain functions are quick enough to run in an event loop itself.

Handing a call to a thread and back costs more than most hooks do. A function that has answered many
times in a row without ever taking long is trusted to run where it is called; one that breaks the
trust goes back to the threads, and must earn it again with more calls each time. What waits for a
network or a disk does not come under the limit, so it never blocks the loop.
"""

from typing import Final

__all__ = ["CallSpeed"]

_FAST: Final = 0.000_5
"""Seconds that a call may take to earn trust, its payloads included."""
_SLOW: Final = 0.005
"""Seconds that break the trust when several calls in a row take them."""
_BLOCKING: Final = 0.05
"""Seconds that break it at once: longer than a busy machine makes a quick call look."""
_MAX_SLOW_IN_A_ROW: Final = 3
"""Slow calls in a row that break the trust."""
_TRIAL_CALLS: Final = 32
"""Calls in a row that must have been quick."""
_BACKOFF_FACTOR: Final = 8
"""How many times more calls it takes, each time the trust was broken."""


class CallSpeed:
    """What is known of one function's speed."""

    def __init__(self) -> None:
        self._needed_calls = _TRIAL_CALLS
        self._fast_calls = 0
        self._slow_calls = 0

    @property
    def is_fast(self) -> bool:
        """True if the next call may run in the loop."""
        return self._fast_calls >= self._needed_calls

    def record(self, seconds: float) -> None:
        """Note how long a call has taken."""
        if seconds <= _FAST:
            self._fast_calls += 1
            self._slow_calls = 0
        elif not self.is_fast:
            self._fast_calls = 0
        elif seconds > _SLOW:
            self._slow_calls += 1
            if seconds > _BLOCKING or self._slow_calls == _MAX_SLOW_IN_A_ROW:
                self._needed_calls *= _BACKOFF_FACTOR
                self._fast_calls = self._slow_calls = 0
