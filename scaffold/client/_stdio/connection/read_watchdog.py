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

__all__ = ["LOOK", "WATCH", "Seat"]

LOOK: Final = 0.25
"""Seconds between two looks: a read lasts for one or two of them."""
_QUIET: Final = 80
"""Looks without anybody reading after which the thread ends."""


class Seat:
    """Where one thread at a time sits and reads."""

    __slots__ = ("__weakref__", "at", "interrupt")

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self.at = 0
        """The call that it reads the answer to; 0 if nobody sits here."""
        self.interrupt = interrupt
        """Calls the thread back."""


class Watch:
    """Looks at all seats, from a thread that there is while calls are made."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Have no thread: a fork of the process has not inherited it."""
        self._seats: weakref.WeakSet[Seat] = weakref.WeakSet()
        self._lock = reentrant_lock(Rank.GLOBAL)
        self._leave = False
        self.asleep = True
        """True if nobody looks: to be asked after a seat was taken."""

    def add(self, seat: Seat) -> None:
        """Look at a seat from now on, for as long as there is one."""
        with self._lock:
            self._seats.add(seat)

    def remove(self, seat: Seat) -> None:
        """Look at a seat no more."""
        with self._lock:
            self._seats.discard(seat)
            self._leave = not self._seats

    def wake(self) -> bool:
        """Begin to look; tell whether there is a thread for it."""
        with self._lock:
            if self.asleep:
                try:
                    # The thread takes the lock before it does anything.
                    threading.Thread(target=self._run, name="watch", daemon=True).start()
                except RuntimeError:
                    return False
                self.asleep = self._leave = False
        return True

    def _run(self) -> None:
        before: dict[Seat, int] = {}
        quiet = 0
        while not self._done(quiet):
            time.sleep(LOOK)
            now = self._taken()
            for seat in now:
                if before.get(seat) == now[seat]:
                    seat.interrupt()
            quiet = 0 if now else quiet + 1
            before = now

    def _taken(self) -> dict[Seat, int]:
        """Return the seats that are taken, and by what."""
        with self._lock:
            return {seat: seat.at for seat in self._seats if seat.at}

    def _done(self, quiet: int) -> bool:
        """Tell whether there is nothing left to look at."""
        with self._lock:
            if quiet <= _QUIET and not self._leave:
                return False
            self.asleep = True
            # A thread that has sat down before that has not woken this one.
            self.asleep = not any(seat.at for seat in self._seats)
            self._leave = False
            return self.asleep


WATCH: Final = Watch()
"""The one of this process."""
reset_after_fork(WATCH.reset)
