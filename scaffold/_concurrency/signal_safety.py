"""Queues and results for threads that a signal handler may interrupt at any step.

**Results.** `concurrent.futures.Future` and `threading.Event` hold a lock while a thread begins to
wait. If a handler runs at that step and waits for the thread that sets the result, that thread
blocks on the lock: a deadlock. A `SimpleQueue` holds no lock between two steps of Python code.

**Turns.** An end of a pipe is for one thread at a time. A queue is a list of turns. The first turn
owns the end of the pipe; the others wait, or leave their work to the owner. A thread that leaves
the queue wakes the new first one, never itself. A handler may raise an exception between any two
steps. CPython checks for signals only after a call and at a backward jump, so a queue is used in
this form, which no exception can break::

    try:
        queue.append(turn)
        ...
    finally:
        queue.remove(turn)
        if queue:
            wake_first(queue)

The `try` must not contain a loop, only calls of functions with loops: Python 3.13 does not protect
the backward jump of a loop at its end. An exception can still prevent the last step. So a waiting
thread checks the queue periodically.
"""

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import get_ident
from typing import Generic, TypeAlias, TypeVar


class Waiter:
    """The turn of a waiting thread, or of work that runs at its turn."""

    __slots__ = ("sleeps", "thread", "wake")

    def __init__(self, wake: Callable[[None], object]) -> None:
        self.thread = get_ident()
        self.wake = wake
        """Called by the thread that was first before this turn."""
        self.sleeps = False
        """True while the thread only waits for input."""


Turn: TypeAlias = int | Waiter
"""The id of a thread that found the queue empty, or a waiter."""

Turns: TypeAlias = list[Turn]


def thread_id_of(turn: Turn) -> int:
    """Return the id of the thread that has the turn."""
    return turn if isinstance(turn, int) else turn.thread


def keep_own_turns(queue: Turns) -> None:
    """Remove the turns of other threads, in a fork: only this thread is left to end its own."""
    me = get_ident()
    queue[:] = [turn for turn in queue if thread_id_of(turn) == me]


def wake_first(queue: Turns) -> None:
    """Wake the first thread of the queue, if it waits."""
    for turn in queue[:1]:
        if isinstance(turn, Waiter):
            turn.wake(None)


def run_last(queue: Turns, work: Callable[[], object]) -> None:
    """Run some work after all turns that are in the queue now; no turn follows it.

    The thread that leaves last runs the work. It may run twice.
    """
    last = Waiter(lambda _: work())
    last.thread = 0
    queue.append(last)
    if queue[0] is last:
        work()


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

    def settle(self, result: Callable[[], T]) -> bool:
        """Set the result: a function that returns it, or raises the error.

        Returns False if another result was set before.
        """
        self._given.append(result)
        self._wake.put(None)
        return self._given[0] is result

    def result(self, seconds: float | None = None) -> T:
        """Wait as `wait` does; return or raise the result."""
        return self.wait(seconds)()

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
            finally:
                # For other threads that wait, also if a signal handler raises here.
                if self._given:
                    self._wake.put(None)
        return self._given[0]
