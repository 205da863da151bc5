"""Decides when a process that misses deadlines has hung. No I/O."""

import time
from typing import Final

from scaffold.client._stdio.connection.response_router import ResponseRouter

_MAX_MISSED: Final = 3
"""Missed deadlines in a row, each of a call that began after the last miss."""
_MAX_PAUSE: Final = 1.0
"""Seconds that a process may pause in the middle of a line."""


class HangDetector:
    """Judges a process by its output and its missed deadlines."""

    def __init__(self, router: ResponseRouter) -> None:
        self._router = router
        self._heard = time.monotonic()
        self._unfinished = 0
        self._answered = 0
        self._missed = 0
        self._last_miss = 0.0

    def note_received(self, unfinished: int) -> None:
        """Note the length of the unfinished line at the end of the output."""
        # In this order: another thread that sees the new length must see the new time.
        if unfinished > self._unfinished:
            self._heard = time.monotonic()
        self._unfinished = unfinished

    def note_missed_deadline(self, timeout: float) -> str:
        """Note that a call with this timeout in seconds missed its deadline.

        Returns why the process has hung, or an empty text.
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
