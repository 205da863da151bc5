"""Reset of objects in a forked process.

A fork copies descriptors, locks and event loops, but only the thread that forked. So an object that
holds any of them registers a method here. The method runs in the child before other code. It closes
copied descriptors, replaces locks, and drops threads and connections; the next call makes new ones.
It must not block, and must not close anything for the parent process.

A few locks are held during a fork, so that no other thread is in the middle of what they protect.
"""

import functools
import logging
import os
import threading
import weakref
from collections.abc import Callable
from itertools import count
from types import MethodType
from typing import Final, TypeVar

from typing_extensions import override

T = TypeVar("T")

INHERITED_CONNECTION: Final = "the connection belongs to the process that this one was forked from"
"""The reason of a call that began before the fork, and goes on in it."""
INHERITED_CALL: Final = "the call belongs to the process that this one was forked from"
"""The same of a call in this process, whose thread is only in the parent."""

_numbers: Final = count()
_resets: Final[dict[int, tuple["weakref.ref[object]", Callable[[object], object]]]] = {}


def reset_after_fork(method: Callable[[], object]) -> None:
    """Call a bound method in every process that is forked from this one.

    Methods run in the order of their registration. An exception is logged, and the others still
    run. The registration does not keep the object alive.

    Args:
        method: A bound method without arguments.
    """
    assert isinstance(method, MethodType)
    number = next(_numbers)
    # Without a lock: each of these dict operations is atomic, also in a finaliser.
    # Not a `WeakMethod`: its callbacks fail when the interpreter clears this module at shutdown.
    owner = weakref.ref(method.__self__, lambda _: _resets.pop(number, None))
    _resets[number] = (owner, method.__func__)


def _reset_all() -> None:
    for reference, function in list(_resets.values()):
        owner = reference()
        if owner is None:
            continue
        try:
            function(owner)
        except Exception:
            logging.getLogger("scaffold").exception("resetting an object after a fork failed")


_held_in_forks: Final[dict[int, tuple[Callable[[], object], Callable[[], object]]]] = {}


def hold_during_forks(rank: int, take: Callable[[], object], release: Callable[[], object]) -> None:
    """Take a lock before every fork of this process, and release it in the parent after it.

    Locks are taken in the order of their ranks, in whatever order their modules were imported.

    Args:
        rank: The `Rank` of the lock.
        take: Takes the lock.
        release: Releases it in the parent. In the fork, a method given to `reset_after_fork` does.
    """
    _held_in_forks[rank] = take, release


def _take_all() -> None:
    for rank in sorted(_held_in_forks):
        _held_in_forks[rank][0]()


def _release_all() -> None:
    for rank in sorted(_held_in_forks, reverse=True):
        _held_in_forks[rank][1]()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_take_all, after_in_parent=_release_all, after_in_child=_reset_all)


class CachedProperty(functools.cached_property[T]):
    """`functools.cached_property` with a new lock in a fork.

    Up to Python 3.11 the property has a lock, which another thread may hold during the fork.
    """

    @override
    def __set_name__(self, owner: type, name: str) -> None:
        super().__set_name__(owner, name)
        reset_after_fork(self._in_fork)

    def _in_fork(self) -> None:
        self.lock = threading.RLock()
