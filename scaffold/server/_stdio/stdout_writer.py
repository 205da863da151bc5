"""Where a stdio server writes: whole lines, several at once where they have gathered."""

import os
from collections import deque
from collections.abc import Callable
from typing import Final

from scaffold._concurrency.locks import Rank, lock
from scaffold.server._process.stdio_descriptors import enlarge_pipe, unread_bytes

__all__ = ["StdoutWriter"]

_NONBLOCKING: Final = False
"""For locks: do not wait. By place, because a name takes as long as the lock."""
_MAX_QUEUED_BYTES: Final = 16 * 1024 * 1024


class StdoutWriter:
    """Messages on their way out, from any thread, each with the end of its line.

    One thread at a time writes, and writes what the others have added meanwhile: nobody waits for
    a client that reads slowly, until more than 16 MB have gathered.
    """

    def __init__(self, descriptor: int, on_broken: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._on_broken = on_broken
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._capacity = enlarge_pipe(descriptor)
        self._writing = lock(Rank.PROCESS)

    def enqueue(self, line: bytes) -> None:
        """Keep a message for the next flush."""
        self._queue.append(line)
        self._queued_bytes += len(line)

    def write(self, line: bytes) -> None:
        """Write a message now, unless another thread is writing and will do so."""
        if self._queue or not self._writing.acquire(_NONBLOCKING):
            self.enqueue(line)
            self.flush()
            return
        try:
            # As `_write` begins: one function less where the time of a call goes.
            written = os.write(self._descriptor, line)
            if written < len(line):
                self._write(line[written:])
        except OSError:
            self._fail()
        finally:
            self._writing.release()
        if self._queue:
            self.flush()

    @property
    def is_full(self) -> bool:
        """True while so much waits for the client that nothing should be added."""
        return self._queued_bytes > _MAX_QUEUED_BYTES

    @property
    def is_empty(self) -> bool:
        """True if nothing waits for a flush."""
        return not self._queue

    def fits_in_pipe(self) -> bool:
        """Tell whether a flush can surely not block: the pipe is empty, and there is room."""
        return self._queued_bytes <= self._capacity and unread_bytes(self._descriptor) == 0

    def flush(self) -> None:
        """Write what has gathered, unless another thread is doing so already."""
        while self._queue and self._writing.acquire(self.is_full):
            try:
                self._write(self._take_all())
            finally:
                self._writing.release()

    def wait_idle(self, timeout: float) -> bool:
        """Wait until a flush under way is over."""
        if not self._writing.acquire(timeout=timeout):
            return False
        self._writing.release()
        return True

    def _take_all(self) -> bytes:
        waiting = self._queue
        lines: list[bytes] = []
        while waiting:
            lines.append(waiting.popleft())
        self._queued_bytes = 0
        return b"".join(lines)

    def _write(self, data: bytes) -> None:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            self._fail()

    def _fail(self) -> None:
        self._queue.clear()
        self._on_broken()
