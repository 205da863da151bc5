"""Cached attributes that work in forked processes."""

import functools
import threading
from typing import TypeVar

from typing_extensions import override

from scaffold._concurrency.forks import reset_after_fork

T = TypeVar("T")


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
