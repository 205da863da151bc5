"""The queue of lines for a process. Nothing here blocks.

A signal handler can raise an exception between any two steps. A line then stays in the queue with
the number of bytes that were written. The same call that writes also stores this number.
"""

import os
from collections import deque
from collections.abc import Callable
from threading import get_ident

from scaffold._concurrency.signal_safety import Turns, keep_own_turns, run_last, wake_first


class _QueuedLine:
    """A line, and the bytes of it that were written."""

    __slots__ = ("line", "written")

    def __init__(self, line: bytes) -> None:
        self.line = line
        self.written: deque[int] = deque()


class WriteQueue:
    """Queued lines for a descriptor `fd` that does not block."""

    def __init__(self, fd: int) -> None:
        self.turns: Turns = []
        """The threads that want to write. The first one writes."""
        self.unsent: deque[_QueuedLine] = deque()
        """Lines that were not written, or only in part."""
        self._fd = fd

    def append(self, line: bytes) -> None:
        """Queue a line for the next `flush`."""
        self.unsent.append(_QueuedLine(line))

    def flush(self) -> None:
        """Write the queue as far as the pipe accepts it; raise `OSError` if the pipe is broken.

        If another thread is writing, that thread writes these lines too.
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
        """Write; return whether the queue is empty."""
        unsent = self.unsent
        while unsent:
            queued = unsent[0]
            done = sum(queued.written)
            if done == len(queued.line):
                unsent.popleft()
                continue
            rest = memoryview(queued.line)[done:]
            try:
                # One call writes and stores: see the head of the module.
                queued.written.extend(map(os.write, (self._fd,), (rest,)))
            except BlockingIOError:
                return False
        return True

    def close(self, close: Callable[[int], object]) -> None:
        """Close the pipe after the last writer has left."""
        run_last(self.turns, lambda: close(self._fd))

    def clear(self) -> None:
        """Drop everything, in a fork."""
        keep_own_turns(self.turns)
        self.unsent.clear()
