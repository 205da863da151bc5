"""Queues for the two ends of a pipe that one thread at a time may use: reading and writing.

A queue is a list of turns. The first has the end; the others wait, or leave to it what they want
done. A thread that leaves the queue wakes the one that is first then, so it never wakes itself.

A signal handler may raise an exception between any two steps. CPython looks for signals only after
a call and at a jump back, so a queue is used in this form, in which nothing can come in between::

    try:
        queue.append(turn)
        ...
    finally:
        queue.remove(turn)
        if queue:
            wake_first(queue)

There is no loop in the `try`, but in functions that it calls: Python 3.13 does not protect the jump
back of a loop at the end of it.

An exception can still keep the last step from being made. So a thread that waits in a queue looks
at it from time to time.
"""

from collections.abc import Callable
from threading import get_ident
from typing import TypeAlias

__all__ = ["Turn", "Turns", "Waiter", "run_last", "thread_id_of", "wake_first"]


class Waiter:
    """The turn of a thread that waits, or of work that is done when its turn has come."""

    __slots__ = ("sleeps", "thread", "wake")

    def __init__(self, wake: Callable[[None], object]) -> None:
        self.thread = get_ident()
        self.wake = wake
        """Called by the thread that was first before."""
        self.sleeps = False
        """True while the thread does nothing but wait for input."""


Turn: TypeAlias = int | Waiter
"""The identity of a thread that had the queue for itself, or a waiter."""

Turns: TypeAlias = list[Turn]


def thread_id_of(turn: Turn) -> int:
    """Return the identity of the thread whose turn it is."""
    return turn if isinstance(turn, int) else turn.thread


def wake_first(queue: Turns) -> None:
    """Wake the thread that is first in the queue, if it waits."""
    for turn in queue[:1]:
        if isinstance(turn, Waiter):
            turn.wake(None)


def run_last(queue: Turns, work: Callable[[], object]) -> None:
    """Do some work once all who queue now have left; nobody gets a turn after it.

    The thread that leaves last does the work, which may then be done twice.
    """
    last = Waiter(lambda _: work())
    last.thread = 0
    queue.append(last)
    if queue[0] is last:
        work()
