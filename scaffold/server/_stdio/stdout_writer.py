"""The writer of a stdio server: whole lines, several in one write if they have queued up."""

import os
from collections import deque
from collections.abc import Callable
from typing import Final

from scaffold._concurrency.locks import Rank, lock
from scaffold.server._process.descriptors import enlarge_pipe, unread_bytes

_NONBLOCKING: Final = False
"""For `acquire`: do not wait. Passed by position: a keyword takes as long as the lock itself."""
_MAX_QUEUED_BYTES: Final = 16 * 1024 * 1024


class StdoutWriter:
    """Writes messages of any thread, each with its newline.

    One thread at a time writes, including what the others have queued meanwhile. Other threads wait
    for a slow client only while more than 16 MB are queued.

    Args:
        descriptor: Where to write.
        on_broken: Called when the client has closed the pipe.
    """

    def __init__(self, descriptor: int, on_broken: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._on_broken = on_broken
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._capacity = enlarge_pipe(descriptor)
        self._writing = lock(Rank.PROCESS)

    def enqueue(self, line: bytes) -> None:
        """Queue a message for the next flush."""
        self._queue.append(line)
        self._queued_bytes += len(line)

    def write(self, line: bytes) -> None:
        """Write a message now; if another thread writes, queue it for that thread."""
        if self._queue or not self._writing.acquire(_NONBLOCKING):
            self.enqueue(line)
            self.flush()
            return
        try:
            # An inlined first step of `_write`, to save a function call. Keep the two in step.
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
        """True while more than 16 MB are queued: do not read further requests."""
        return self._queued_bytes > _MAX_QUEUED_BYTES

    @property
    def is_empty(self) -> bool:
        """True if nothing is queued."""
        return not self._queue

    def fits_in_pipe(self) -> bool:
        """Return whether a flush cannot block: the pipe is empty and large enough."""
        return self._queued_bytes <= self._capacity and unread_bytes(self._descriptor) == 0

    def flush(self) -> None:
        """Write what is queued, unless another thread is writing."""
        while self._queue and self._writing.acquire(self.is_full):
            try:
                self._write(self._take_all())
            finally:
                self._writing.release()

    def wait_idle(self, timeout: float) -> bool:
        """Wait until no thread writes; return whether that was so within the timeout."""
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
