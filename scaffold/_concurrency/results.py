"""A future that is safe to wait for in signal handlers.

A signal handler may interrupt a thread at any step. `concurrent.futures.Future` and
`threading.Event` hold a lock while a thread begins to wait. If a handler runs at that step and
waits for the thread that sets the result, that thread blocks on the lock: a deadlock. A
`SimpleQueue` holds no lock between two steps of Python code.
"""

from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class ResultTimeout(Exception):
    """The result was not set before the timeout."""


class SignalSafeFuture(Generic[T]):
    """A result that another thread sets. The first result counts. Safe in signal handlers."""

    def __init__(self) -> None:
        self._given: list[Callable[[], T]] = []
        self._wake: SimpleQueue[None] = SimpleQueue()

    @property
    def settled(self) -> bool:
        """True if the result is set."""
        return bool(self._given)

    def settle(self, result: Callable[[], T]) -> None:
        """Set the result: a function that returns it, or raises the error."""
        self._given.append(result)
        self._wake.put(None)

    def wait(self, seconds: float | None = None) -> Callable[[], T]:
        """Wait until the result is set, and return the function that returns or raises it.

        Args:
            seconds: The timeout; `None` means none.

        Raises:
            ResultTimeout: The result was not set in time.
        """
        if not self._given:
            try:
                self._wake.get(timeout=None if seconds is None else max(0.0, seconds))
            except Empty:
                raise ResultTimeout from None
            self._wake.put(None)  # for other waiting threads
        return self._given[0]
