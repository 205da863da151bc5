"""The locks of the runtime, and the order in which a thread may take them.

A thread that holds a lock may take only locks of a higher rank. Two threads can then never wait for
each other. With `SCAFFOLD_DEBUG_LOCKS=1` in the environment every lock checks that, and
`no_lock_held` checks that no lock is held where code of users is called: the tests run so.
Otherwise `lock` returns plain locks, which cost nothing more.
"""

import os
import threading
from enum import IntEnum
from types import TracebackType
from typing import Final, cast

__all__ = ["CHECKED", "LockOrderError", "Rank", "lock", "no_lock_held", "reentrant_lock"]

CHECKED: Final = os.environ.get("SCAFFOLD_DEBUG_LOCKS") == "1"
"""True if locks check the order in which they are taken."""


class Rank(IntEnum):
    """The locks, from the one that is taken first to the one that is taken last."""

    HOST = 10
    """Which plugins a host has, and in which state they are."""
    CHANNEL = 20
    """Which connection a channel uses, and whether it is closed."""
    READER = 30
    """Who reads the answers of a connection."""
    CONNECTION = 40
    """The calls in flight on a connection, and what is written to it."""
    THREADS = 50
    """The threads and loops of a pool."""
    PROCESS = 60
    """The descriptors of a process."""
    GLOBAL = 70
    """What all hosts of a process share."""
    STORE = 80
    """The values of a store; nothing else is taken while it is held."""
    DESCRIPTORS = 90
    """The descriptors that are being made; a fork takes it, whatever else its thread holds."""
    IMPORTS = 100
    """The import that a first call makes; a fork tries to take it."""


class LockOrderError(AssertionError):
    """A lock was taken, or code of a user was called, where that can lead to a deadlock."""


class _CheckedLock:
    """A lock that refuses to be taken in the wrong order."""

    def __init__(self, rank: Rank, inner: threading.Lock) -> None:
        self._rank = rank
        self._inner = inner

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock, as `threading.Lock.acquire` does; tell whether that succeeded."""
        held = _held()
        # A lock that is not waited for cannot be part of a deadlock.
        if blocking and self not in held and any(lock.rank >= self._rank for lock in held):
            names = ", ".join(lock.rank.name for lock in held)
            raise LockOrderError(f"{self._rank.name} is taken while {names} is held")
        taken = self._inner.acquire(blocking, timeout)
        if taken:
            held.append(self)
        return taken

    def release(self) -> None:
        """Give the lock back."""
        held = _held()
        if self in held:  # a lock may be given back by another thread
            held.remove(self)
        self._inner.release()

    @property
    def rank(self) -> Rank:
        """The place of the lock in the order."""
        return self._rank

    def locked(self) -> bool:
        """Tell whether any thread holds the lock."""
        return self._inner.locked()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


_local: Final = threading.local()


def _held() -> list[_CheckedLock]:
    """Return the locks that this thread holds, in the order in which it took them."""
    held: list[_CheckedLock] | None = getattr(_local, "held", None)
    if held is None:
        held = _local.held = []
    return held


def lock(rank: Rank) -> threading.Lock:
    """Return a new lock that its own thread must not take twice.

    Args:
        rank: Its place in the order. A thread that waits for it must hold lower ranks only.

    Raises `LockOrderError` when it is taken in the wrong order, if locks are checked.
    """
    inner = threading.Lock()
    return cast("threading.Lock", _CheckedLock(rank, inner)) if CHECKED else inner


def reentrant_lock(rank: Rank) -> threading.RLock:
    """Return a new lock that its own thread may take again, as a signal handler does.

    Args and errors are those of `lock`.
    """
    inner = threading.RLock()
    checked = _CheckedLock(rank, cast("threading.Lock", inner))
    return cast("threading.RLock", checked) if CHECKED else inner


def no_lock_held(what: str) -> None:
    """Check that this thread holds no lock; does nothing unless locks are checked.

    Args:
        what: The code that is called next, such as `a progress listener`.

    Raises `LockOrderError` if a lock is held.
    """
    if CHECKED and (held := _held()):
        names = ", ".join(lock.rank.name for lock in held)
        raise LockOrderError(f"{what} is called while {names} is held")
