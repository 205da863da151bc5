"""Server-sent events, read from chunks of bytes.

Source: WHATWG HTML, Server-sent events: Interpreting an event stream.
"""

import re
from collections.abc import Iterator
from typing import Final

_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_BOM: Final = b"\xef\xbb\xbf"
_MAX_DIGITS: Final = 9


class EventStream:
    """What has been read of one stream of events, or of one that takes up where it broke."""

    def __init__(self, last_id: str = "", retry: float | None = None) -> None:
        self.last_id = last_id
        """The id of the newest event that has one: where a broken stream may be taken up again."""
        self.retry = retry
        """Seconds to wait before that, if the server asked for a pause."""
        self.pending = 0
        """Bytes read since the last event was complete."""
        self.total = 0
        """Bytes read in all."""
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._id = last_id
        self._event = b""
        self._after_return = False
        self._started = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the data of every message that the chunk completes."""
        self.pending += len(chunk)
        self.total += len(chunk)
        if self._after_return and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_return = chunk.endswith(b"\r")
        *ends, rest = _LINE_END.split(chunk)
        for end in ends:
            line = b"".join((*self._line, end))
            self._line.clear()
            if not self._started:
                line = line.removeprefix(_BOM)
                self._started = True
            if line:
                self._field(line)
            else:
                yield from self._dispatch()
        if rest:
            self._line.append(rest)

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode(errors="replace")
        elif name == b"retry" and value.isdigit() and len(value) <= _MAX_DIGITS:
            self.retry = int(value) / 1000

    def _dispatch(self) -> Iterator[bytes]:
        data, event = b"\n".join(self._data), self._event
        self._data.clear()
        self._event = b""
        self.pending = 0
        self.last_id = self._id
        if data and event in (b"", b"message"):
            yield data
