"""Queues of threads for an end of a pipe that one thread at a time may use.

A queue is a list of turns. The first turn owns the end of the pipe; the others wait, or leave their
work to the owner. A thread that leaves the queue wakes the new first one, never itself.

A signal handler may raise an exception between any two steps. CPython checks for signals only after
a call and at a backward jump, so a queue is used in this form, which no exception can break::

    try:
        queue.append(turn)
        ...
    finally:
        queue.remove(turn)
        if queue:
            wake_first(queue)

The `try` must not contain a loop, only calls of functions with loops: Python 3.13 does not protect
the backward jump of a loop at its end.

An exception can still prevent the last step. So a waiting thread checks the queue periodically.
"""

from collections.abc import Callable
from threading import get_ident
from typing import TypeAlias


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
