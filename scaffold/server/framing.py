"""Lines out of chunks, with a limit on how long one may be."""

from collections.abc import Iterable, Iterator

__all__ = ["Lines", "TooLong"]


class TooLong:
    """Stands for a line that was longer than the limit, and that was thrown away."""


class Lines:
    """Collects chunks and hands out whole lines, without their ends."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._parts: list[bytes] = []
        self._size = 0
        self._skipping = False

    def feed(self, chunk: bytes) -> Iterable[bytes | TooLong]:
        """Take a chunk; return the lines that it completes. Empty lines are left out."""
        fresh = not (self._size or self._skipping)
        if fresh and 0 < len(chunk) <= self._largest and chunk.find(b"\n") == len(chunk) - 1:
            # Most often a chunk is one line.
            return () if chunk.isspace() else (chunk[:-1],)
        return self._split(chunk)

    def _split(self, chunk: bytes) -> Iterator[bytes | TooLong]:
        first, *rest = chunk.split(b"\n")
        self._grow(first)
        for part in rest:
            yield from self._complete()
            self._grow(part)

    def end(self) -> Iterator[bytes | TooLong]:
        """Yield what stands after the last line end, at the end of the input."""
        yield from self._complete()

    def _grow(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._largest:
            self._skipping = True
            self._parts.clear()
        elif part:
            self._parts.append(part)

    def _complete(self) -> Iterator[bytes | TooLong]:
        if self._skipping:
            yield TooLong()
        elif self._parts:
            parts = self._parts
            line = parts[0] if len(parts) == 1 else b"".join(parts)
            if not line.isspace():
                yield line
        self._parts = []
        self._size = 0
        self._skipping = False
