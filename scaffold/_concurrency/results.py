"""A result that one thread waits for and another one gives, without a lock that both take.

A signal handler may interrupt a thread at any step. `concurrent.futures.Future` and
`threading.Event` hold a lock while a thread begins to wait. If a handler runs at that step and
waits for the thread that gives the result, that thread stops at the lock, and both wait forever. A
`SimpleQueue` holds no lock between two steps of Python code.
"""

from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

__all__ = ["ResultTimeout", "SignalSafeFuture"]

T = TypeVar("T")


class ResultTimeout(Exception):
    """The result did not come in time."""


class SignalSafeFuture(Generic[T]):
    """A result to come. Of several results the first counts. For any thread and signal handler."""

    def __init__(self) -> None:
        self._given: list[Callable[[], T]] = []
        self._wake: SimpleQueue[None] = SimpleQueue()

    @property
    def settled(self) -> bool:
        """True once there is a result."""
        return bool(self._given)

    def settle(self, result: Callable[[], T]) -> None:
        """Give what returns the result, or raises the error in its place."""
        self._given.append(result)
        self._wake.put(None)

    def wait(self, seconds: float | None = None) -> Callable[[], T]:
        """Wait for the result, and return what gives or raises it.

        Raises `ResultTimeout` after so many seconds; `None` sets no limit.
        """
        if not self._given:
            try:
                self._wake.get(timeout=None if seconds is None else max(0.0, seconds))
            except Empty:
                raise ResultTimeout from None
            self._wake.put(None)  # for the others that wait
        return self._given[0]
