"""What is written to a process: one queue of lines, on every path. Nothing here blocks.

An exception may come between any two steps, from a signal handler. A line then stays in the queue
with a note of what the pipe has taken of it. The note is made in the call that writes.
"""

import os
from collections import deque
from collections.abc import Callable
from threading import get_ident

from scaffold._concurrency.turns import Turns, run_last, wake_first

__all__ = ["WriteQueue"]


class _QueuedLine:
    """A line, and what the pipe has taken of it."""

    __slots__ = ("line", "written")

    def __init__(self, line: bytes) -> None:
        self.line = line
        self.written: deque[int] = deque()


class WriteQueue:
    """The input of a process; `fd` does not block."""

    def __init__(self, fd: int) -> None:
        self.turns: Turns = []
        """The threads that write, of which the first does."""
        self.unsent: deque[_QueuedLine] = deque()
        """Lines that were not written yet, or not wholly."""
        self._fd = fd

    def append(self, line: bytes) -> None:
        """Queue a line, to be written by the next `flush`."""
        self.unsent.append(_QueuedLine(line))

    def flush(self) -> None:
        """Write what is queued as far as the pipe takes it; raise `OSError` if it is broken.

        If another thread writes, it does that.
        """
        while self.unsent and not self.turns:
            turn = get_ident()
            try:
                self.turns.append(turn)
                room = self.turns[0] is turn and self._write()
            finally:
                self.turns.remove(turn)
                if self.turns:
                    wake_first(self.turns)
            if not room:
                return

    def _write(self) -> bool:
        """Write; tell whether the pipe has taken all."""
        unsent = self.unsent
        while unsent:
            queued = unsent[0]
            done = sum(queued.written)
            if done == len(queued.line):
                unsent.popleft()
                continue
            rest = memoryview(queued.line)[done:]
            try:
                # One call writes and takes note: see the head of the module.
                queued.written.extend(map(os.write, (self._fd,), (rest,)))
            except BlockingIOError:
                return False
        return True

    def close(self, close: Callable[[int], object]) -> None:
        """Close the pipe once nobody writes."""
        run_last(self.turns, lambda: close(self._fd))

    def clear(self) -> None:
        """Drop everything, in a fork of the process."""
        self.turns.clear()
        self.unsent.clear()
