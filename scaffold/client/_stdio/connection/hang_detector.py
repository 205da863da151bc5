"""When a process that misses deadlines is given up. No I/O."""

import time
from typing import Final

from scaffold.client._stdio.connection.response_router import ResponseRouter

__all__ = ["HangDetector"]

_MAX_MISSED: Final = 3
"""Calls in a row, each begun after the one before had failed, that may stay without an answer."""
_MAX_PAUSE: Final = 1.0
"""Seconds that a process may take a rest in the middle of a line."""


class HangDetector:
    """Judges a process by what it writes, and by the deadlines that it misses."""

    def __init__(self, router: ResponseRouter) -> None:
        self._router = router
        self._heard = time.monotonic()
        self._unfinished = 0
        self._answered = 0
        self._missed = 0
        self._last_miss = 0.0

    def note_received(self, unfinished: int) -> None:
        """Note that so many bytes have come of a line that has not ended yet."""
        # In this order: another thread that sees the new length sees the new time.
        if unfinished > self._unfinished:
            self._heard = time.monotonic()
        self._unfinished = unfinished

    def note_missed_deadline(self, timeout: float) -> str:
        """Note that a call of so many seconds missed its deadline.

        Returns why all others will miss theirs too, or nothing if they need not.
        """
        now = time.monotonic()
        if self._unfinished and self._heard <= now - min(timeout / 2, _MAX_PAUSE):
            return "it stopped in the middle of a line"
        if self._answered != self._router.delivered_count:
            self._answered, self._missed = self._router.delivered_count, 0
        if not self._missed or self._last_miss <= now - timeout:
            self._missed += 1
            self._last_miss = now
        return "that was the third time in a row" if self._missed == _MAX_MISSED else ""
