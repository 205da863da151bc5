"""The locks of the runtime, and the order in which a thread may take them.

A thread that holds a lock may take only locks of a higher rank, so that two threads can never wait
for each other. With `SCAFFOLD_DEBUG_LOCKS=1` in the environment every lock checks this, and
`no_lock_held` checks that no lock is held while user code runs; the tests run in this mode.
Otherwise `lock` returns plain locks without extra cost.
"""

import os
import sys
import threading
from collections.abc import Callable
from enum import IntEnum
from operator import attrgetter
from types import TracebackType
from typing import Final, cast

CHECKED: Final = os.environ.get("SCAFFOLD_DEBUG_LOCKS") == "1"
"""True if locks check the order in which they are taken."""

_WITH_HAS_A_GAP: Final = sys.version_info[:2] >= (3, 14)
"""True if a signal handler may raise between taking a lock and the block of `with`."""


class Rank(IntEnum):
    """The locks, from the one that is taken first to the one that is taken last."""

    HOST = 10
    """Which plugins a host has, and in which state they are."""
    CHANNEL = 20
    """Which connection a channel uses, and whether it is closed."""
    READER = 30
    """Which thread reads the responses of a connection."""
    CONNECTION = 40
    """The calls in flight on a connection, and what is written to it."""
    THREADS = 50
    """The threads and loops of a pool."""
    PROCESS = 60
    """The descriptors of a process."""
    GLOBAL = 70
    """State that all hosts of a process share."""
    STORE = 80
    """The values of a store; its holder takes no other lock."""
    DESCRIPTORS = 90
    """Descriptors that are being created; a fork takes it, whatever locks its thread holds."""
    IMPORTS = 100
    """The imports of first calls; a fork tries to take it."""


class LockOrderError(AssertionError):
    """A lock was taken, or user code was called, where that can cause a deadlock."""


class _CheckedLock:
    """A lock that raises if it is taken in the wrong order."""

    def __init__(self, rank: Rank, inner: threading.Lock) -> None:
        self._rank = rank
        self._inner = inner

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock like `threading.Lock.acquire`; return whether that succeeded."""
        held = _held()
        # A lock that is tried without waiting cannot be part of a deadlock.
        if blocking and self not in held and any(lock.rank >= self._rank for lock in held):
            names = ", ".join(lock.rank.name for lock in held)
            raise LockOrderError(f"lock {self._rank.name} is taken while the thread holds {names}")
        taken = self._inner.acquire(blocking, timeout)
        if taken:
            held.append(self)
        return taken

    def release(self) -> None:
        """Release the lock."""
        held = _held()
        if self in held:  # another thread may release a lock
            held.remove(self)
        self._inner.release()

    @property
    def rank(self) -> Rank:
        """The place of the lock in the order."""
        return self._rank

    def locked(self) -> bool:
        """Return whether any thread holds the lock."""
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


class _SignalSafeLock:
    """A reentrant lock for Python 3.14, where `with` on a plain one has a gap.

    From 3.14 on a signal handler may raise after `__enter__` of C has taken the lock and before the
    block begins; nothing would ever release it. A function of Python returns without such a gap.
    `__exit__` is looked up before the lock is taken, and is C's own: a handler may raise as a
    function of Python begins.
    """

    __slots__ = ("_inner", "acquire", "release")

    def __init__(self, inner: threading.RLock) -> None:
        self._inner = inner
        self.acquire: Callable[..., bool] = inner.acquire
        self.release: Callable[[], None] = inner.release

    def __enter__(self) -> bool:
        taken: list[bool] = []
        try:
            # One call into C takes the lock, and notes that.
            taken.extend(map(self.acquire, (True,)))
        except BaseException:
            if taken:
                self.release()
            raise
        return True

    __exit__ = property(attrgetter("_inner.__exit__"))


_local: Final = threading.local()


def _held() -> list[_CheckedLock]:
    """Return the locks that this thread holds, in the order in which it took them."""
    held: list[_CheckedLock] | None = getattr(_local, "held", None)
    if held is None:
        held = _local.held = []
    return held


def lock(rank: Rank) -> threading.Lock:
    """Return a new lock that is not reentrant.

    If locks are checked, taking it in the wrong order raises `LockOrderError`.

    Args:
        rank: Its place in the order. A thread that waits for it may only hold lower ranks.
    """
    inner = threading.Lock()
    return cast("threading.Lock", _CheckedLock(rank, inner)) if CHECKED else inner


def reentrant_lock(rank: Rank) -> threading.RLock:
    """Return a new lock that its holder may take again, for example in a signal handler.

    Arguments and errors are those of `lock`.
    """
    inner = unranked_lock()
    checked = _CheckedLock(rank, cast("threading.Lock", inner))
    return cast("threading.RLock", checked) if CHECKED else inner


def unranked_lock() -> threading.RLock:
    """Return a new reentrant lock that may be held while any code runs, other locks included."""
    inner = threading.RLock()
    return cast("threading.RLock", _SignalSafeLock(inner)) if _WITH_HAS_A_GAP else inner


def no_lock_held(what: str) -> None:
    """Check that this thread holds no lock, if locks are checked.

    Args:
        what: The code that is called next, for example `a progress listener`.

    Raises `LockOrderError` if a lock is held.
    """
    if CHECKED and (held := _held()):
        names = ", ".join(lock.rank.name for lock in held)
        raise LockOrderError(f"{what} is called while the thread holds {names}")
