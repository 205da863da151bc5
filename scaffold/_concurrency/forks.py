"""What objects do in a process that a fork has made.

A fork copies descriptors, locks and event loops, but of all threads only the one that forked. So an
object that keeps any of them registers a method here. The method runs in the new process before any
other code of it. It must not wait, and must not end what belongs to the parent process. It closes
copied descriptors, replaces locks, and forgets threads and connections. The next call makes its
own.
"""

import logging
import os
import weakref
from collections.abc import Callable
from itertools import count
from types import MethodType
from typing import Final

__all__ = ["reset_after_fork"]

_numbers: Final = count()
_resets: Final[dict[int, tuple["weakref.ref[object]", Callable[[object], object]]]] = {}


def reset_after_fork(method: Callable[[], object]) -> None:
    """Call a bound method in every process that is forked from this one.

    The object of the method is not kept alive. Methods run in the order in which they were
    registered. What one raises is logged, and the others still run.

    Args:
        method: A bound method without arguments.
    """
    assert isinstance(method, MethodType)
    number = next(_numbers)
    # No lock: each of these operations on a dict is atomic, also in a finaliser.
    # Not a `WeakMethod`: its callbacks fail when the interpreter clears this module at its end.
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
            logging.getLogger("scaffold").exception("an object could not be reset after a fork")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all)
