"""Looks after threads that block in a read: who has blocked for long is called back.

A read of a pipe has no deadline. Waiting with one before each read would cost every call as much as
the pipe itself; most are answered within microseconds. So they read, and one thread of the host
looks, as long as calls are made, whether somebody has been reading for one and the same call.
"""

import threading
import weakref
from collections.abc import Callable
from typing import Final

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
        self._seats: weakref.WeakSet[Seat] = weakref.WeakSet()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Have no thread: a fork of the process has not inherited it."""
        self._lock = threading.Lock()
        self._leave = threading.Event()
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
            if not self._seats:
                self._leave.set()

    def wake(self) -> None:
        """Begin to look."""
        with self._lock:
            if self.asleep:
                self.asleep = False
                self._leave.clear()
                threading.Thread(target=self._run, name="watch", daemon=True).start()

    def _run(self) -> None:
        before: dict[Seat, int] = {}
        quiet = 0
        while not self._done(quiet):
            self._leave.wait(LOOK)
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
        if quiet <= _QUIET and not self._leave.is_set():
            return False
        with self._lock:
            self.asleep = True
            # Whoever has sat down before that has not woken anybody.
            self.asleep = not any(seat.at for seat in self._seats)
            self._leave.clear()
            return self.asleep


WATCH: Final = Watch()
"""The one of this process."""
