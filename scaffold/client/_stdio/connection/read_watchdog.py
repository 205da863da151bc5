"""A watchdog thread that interrupts reads which block too long.

A read of a pipe has no deadline. A poll before each read would cost as much as the pipe itself, and
most responses arrive within microseconds. So threads read directly. While calls are made, one
thread of the host checks whether a read has waited for the same call twice, and interrupts it.
"""

import threading
import time
import weakref
from collections.abc import Callable
from typing import Final

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock

CHECK_INTERVAL: Final = 0.25
"""Seconds between two checks. A read blocks for one or two of them."""
_MAX_IDLE_CHECKS: Final = 80
"""The thread ends after this number of checks without a read in progress."""


class WatchedRead:
    """A read that can block. One thread at a time uses it."""

    __slots__ = ("__weakref__", "interrupt", "request_id")

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self.request_id = 0
        """The request whose response is read; 0 while no thread reads."""
        self.interrupt = interrupt
        """Wakes the reading thread."""


class ReadWatchdog:
    """Checks all registered reads, in a thread that runs while calls are made."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start without a thread: a fork does not inherit the thread of its parent."""
        self._reads: weakref.WeakSet[WatchedRead] = weakref.WeakSet()
        self._lock = reentrant_lock(Rank.GLOBAL)
        self._stop = False
        self.is_idle = True
        """True if no thread checks. A reader looks at it after it has set `request_id`."""

    def add(self, watched_read: WatchedRead) -> None:
        """Register a read. The reference is weak."""
        with self._lock:
            self._reads.add(watched_read)

    def remove(self, watched_read: WatchedRead) -> None:
        """Remove a read; the thread ends if it was the last one."""
        with self._lock:
            self._reads.discard(watched_read)
            self._stop = not self._reads

    def ensure_running(self) -> bool:
        """Start the thread if it is not running; return whether it runs."""
        with self._lock:
            if self.is_idle:
                try:
                    # The new thread waits for the lock before it does anything.
                    threading.Thread(target=self._run, name="watch", daemon=True).start()
                except RuntimeError:
                    return False
                self.is_idle = self._stop = False
        return True

    def _run(self) -> None:
        before: dict[WatchedRead, int] = {}
        idle_checks = 0
        while not self._done(idle_checks):
            time.sleep(CHECK_INTERVAL)
            now = self._reads_in_progress()
            for watched_read in now:
                if before.get(watched_read) == now[watched_read]:
                    watched_read.interrupt()
            idle_checks = 0 if now else idle_checks + 1
            before = now

    def _reads_in_progress(self) -> dict[WatchedRead, int]:
        """Return the reads in progress, each with its request."""
        with self._lock:
            return {
                watched_read: watched_read.request_id
                for watched_read in self._reads
                if watched_read.request_id
            }

    def _done(self, idle_checks: int) -> bool:
        """Return whether the thread can end."""
        with self._lock:
            if idle_checks <= _MAX_IDLE_CHECKS and not self._stop:
                return False
            self.is_idle = True
            # A reader that set `request_id` before the line above did not see an idle watchdog.
            self.is_idle = not any(watched_read.request_id for watched_read in self._reads)
            self._stop = False
            return self.is_idle


WATCHDOG: Final = ReadWatchdog()
"""The watchdog of this process."""
reset_after_fork(WATCHDOG.reset)
