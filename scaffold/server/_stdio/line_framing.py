"""Split chunks into lines, with a limit on the length of a line."""

from collections.abc import Iterable, Iterator
from typing import Final

_READ_BYTES: Final = 1 << 14
"""Bytes of a usual read. Reads of 64 KB are slower: glibc trims its heap after them."""
_LONG_READ_BYTES: Final = 1 << 20
_BRACE: Final = ord("{")


class OversizedLine(bytes):
    """Stands for a line that was longer than the limit; its content was discarded."""


class LineSplitter:
    """Collects chunks and returns whole lines, without their newlines."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []
        self.partial_bytes = 0
        """The number of bytes of a line that has not ended yet."""
        self._skipping = False
        self._default_read_size = min(_READ_BYTES, max_bytes)
        self.read_size = self._default_read_size
        """How many bytes to read next: more in the middle of a long line."""

    def feed(self, chunk: bytes) -> Iterable[bytes]:
        """Add a chunk; return the lines that it completes, without empty ones."""
        end = len(chunk) - 1
        if (
            chunk[0] == _BRACE
            and chunk.find(b"\n") == end < self._max_bytes
            and not self.partial_bytes
        ):
            # The usual case: a chunk is one line.
            return (chunk[:-1],)
        return self._split(chunk)

    def _split(self, chunk: bytes) -> Iterator[bytes]:
        first, *rest = chunk.split(b"\n")
        self._append(first)
        for part in rest:
            yield from self._complete()
            self._append(part)
        self.read_size = _LONG_READ_BYTES if self.partial_bytes else self._default_read_size

    def end(self) -> Iterator[bytes]:
        """Yield the rest after the last newline, at the end of the input."""
        yield from self._complete()

    def _append(self, part: bytes) -> None:
        self.partial_bytes += len(part)
        if self.partial_bytes > self._max_bytes:
            self._skipping = True
            self._parts.clear()
        elif part:
            self._parts.append(part)

    def _complete(self) -> Iterator[bytes]:
        if self._skipping:
            yield OversizedLine()
        elif self._parts:
            parts = self._parts
            line = parts[0] if len(parts) == 1 else b"".join(parts)
            if not line.isspace():
                yield line
        self._parts = []
        self.partial_bytes = 0
        self._skipping = False
