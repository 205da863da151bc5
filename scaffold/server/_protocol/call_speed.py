"""Which plain functions are fast enough to run in the event loop itself.

To hand a call to a thread and back takes longer than most hooks. A function that was fast in many
calls in a row runs in the loop. A function that becomes slow goes back to the threads, and then
needs more fast calls each time. Functions that wait for a network or disk exceed the limit of a
fast call, so they do not block the loop.
"""

from typing import Final

_FAST: Final = 0.000_5
"""Seconds that a fast call may take, including its payloads."""
_SLOW: Final = 0.005
"""Seconds above which a call counts as slow."""
_BLOCKING: Final = 0.05
"""Seconds above which one call is enough: longer than a fast call takes on a busy machine."""
_MAX_SLOW_IN_A_ROW: Final = 3
"""Slow calls in a row after which a function goes back to the threads."""
_TRIAL_CALLS: Final = 32
"""Fast calls in a row after which a function runs in the loop."""
_BACKOFF_FACTOR: Final = 8
"""The factor of `_TRIAL_CALLS` each time a function goes back to the threads."""


class CallSpeed:
    """The measured speed of one function."""

    def __init__(self) -> None:
        self._needed_calls = _TRIAL_CALLS
        self._fast_calls = 0
        self._slow_calls = 0

    @property
    def is_fast(self) -> bool:
        """True if the next call may run in the loop."""
        return self._fast_calls >= self._needed_calls

    def record(self, seconds: float) -> None:
        """Record how long a call took."""
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
