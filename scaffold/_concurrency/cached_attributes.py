"""Attributes that are computed once, in forks too."""

import functools
import threading
from typing import TypeVar

from typing_extensions import override

from scaffold._concurrency.forks import reset_after_fork

__all__ = ["CachedProperty"]

T = TypeVar("T")


class CachedProperty(functools.cached_property[T]):
    """As in `functools`. Up to Python 3.11 that has a lock, which a fork may find taken."""

    @override
    def __set_name__(self, owner: type, name: str) -> None:
        super().__set_name__(owner, name)
        reset_after_fork(self._in_fork)

    def _in_fork(self) -> None:
        self.lock = threading.RLock()
