"""Looks after threads that block in a read: who has blocked for long is called back.

A read of a pipe has no deadline. Waiting with one before each read would cost every call as much as
the pipe itself; most are answered within microseconds. So they read, and one thread of the host
looks, as long as calls are made, whether somebody has been reading for one and the same call.
"""

import threading
import time
import weakref
from collections.abc import Callable
from typing import Final

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock

__all__ = ["CHECK_INTERVAL", "WATCHDOG", "WatchedRead"]

CHECK_INTERVAL: Final = 0.25
"""Seconds between two looks: a read lasts for one or two of them."""
_MAX_IDLE_CHECKS: Final = 80
"""Looks without anybody reading after which the thread ends."""


class WatchedRead:
    """Where one thread at a time sits and reads."""

    __slots__ = ("__weakref__", "interrupt", "request_id")

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self.request_id = 0
        """The call that it reads the answer to; 0 if nobody sits here."""
        self.interrupt = interrupt
        """Calls the thread back."""


class ReadWatchdog:
    """Looks at all seats, from a thread that there is while calls are made."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Have no thread: a fork of the process has not inherited it."""
        self._reads: weakref.WeakSet[WatchedRead] = weakref.WeakSet()
        self._lock = reentrant_lock(Rank.GLOBAL)
        self._stop = False
        self.is_idle = True
        """True if nobody looks: to be asked after a seat was taken."""

    def add(self, watched_read: WatchedRead) -> None:
        """Look at a seat from now on, for as long as there is one."""
        with self._lock:
            self._reads.add(watched_read)

    def remove(self, watched_read: WatchedRead) -> None:
        """Look at a seat no more."""
        with self._lock:
            self._reads.discard(watched_read)
            self._stop = not self._reads

    def ensure_running(self) -> bool:
        """Begin to look; tell whether there is a thread for it."""
        with self._lock:
            if self.is_idle:
                try:
                    # The thread takes the lock before it does anything.
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
        """Return the seats that are taken, and by what."""
        with self._lock:
            return {
                watched_read: watched_read.request_id
                for watched_read in self._reads
                if watched_read.request_id
            }

    def _done(self, idle_checks: int) -> bool:
        """Tell whether there is nothing left to look at."""
        with self._lock:
            if idle_checks <= _MAX_IDLE_CHECKS and not self._stop:
                return False
            self.is_idle = True
            # A thread that has sat down before that has not woken this one.
            self.is_idle = not any(watched_read.request_id for watched_read in self._reads)
            self._stop = False
            return self.is_idle


WATCHDOG: Final = ReadWatchdog()
"""The one of this process."""
reset_after_fork(WATCHDOG.reset)
