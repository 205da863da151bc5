"""Lines out of chunks, with a limit on how long one may be."""

from collections.abc import Iterable, Iterator
from typing import Final

__all__ = ["Lines", "TooLong"]

_SMALL: Final = 1 << 14
"""More is more than it costs: glibc tidies up its heap when 64 KB are given back."""
_LARGE: Final = 1 << 20
_BRACE: Final = ord("{")


class TooLong(bytes):
    """Stands for a line that was longer than the limit, and that was thrown away."""


class Lines:
    """Collects chunks and hands out whole lines, without their ends."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._parts: list[bytes] = []
        self.held = 0
        """The bytes of a line that has not ended yet."""
        self._skipping = False
        self._usual = min(_SMALL, largest)
        self.most = self._usual
        """How many bytes to read at once: in the middle of a long line more than one may have."""

    def feed(self, chunk: bytes) -> Iterable[bytes]:
        """Take a chunk; return the lines that it completes. Empty lines are left out."""
        end = len(chunk) - 1
        if chunk[0] == _BRACE and chunk.find(b"\n") == end < self._largest and not self.held:
            # Most often a chunk is one line.
            return (chunk[:-1],)
        return self._split(chunk)

    def _split(self, chunk: bytes) -> Iterator[bytes]:
        first, *rest = chunk.split(b"\n")
        self._grow(first)
        for part in rest:
            yield from self._complete()
            self._grow(part)
        self.most = _LARGE if self.held else self._usual

    def end(self) -> Iterator[bytes]:
        """Yield what stands after the last line end, at the end of the input."""
        yield from self._complete()

    def _grow(self, part: bytes) -> None:
        self.held += len(part)
        if self.held > self._largest:
            self._skipping = True
            self._parts.clear()
        elif part:
            self._parts.append(part)

    def _complete(self) -> Iterator[bytes]:
        if self._skipping:
            yield TooLong()
        elif self._parts:
            parts = self._parts
            line = parts[0] if len(parts) == 1 else b"".join(parts)
            if not line.isspace():
                yield line
        self._parts = []
        self.held = 0
        self._skipping = False
