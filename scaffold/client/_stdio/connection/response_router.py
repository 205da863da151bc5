"""What a server writes: lines into messages, messages to the calls that wait for them. No I/O.

A line that is no message harms nothing but itself: it is logged, counted, and named in the error of
a call that gets no answer.

An exception may end the work of the inbox between any two steps, because a signal handler may raise
one. Nothing is lost then: bytes and lines stay where they are until their work is done, and the
next call of `deliver` repeats the line that was interrupted. To deliver twice is harmless.
"""

import logging
import re
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET, Raw

from scaffold._mcp.jsonrpc import DECODE_ERRORS, JsonRpcError, Message, read_server_message
from scaffold._mcp.message_templates import MESSAGE_START, TemplateCache, TemplateMatch
from scaffold._mcp.progress import Progress
from scaffold._mcp.refusal_reasons import excerpt
from scaffold.client._process.process import WAKE_BYTE
from scaffold.contract._errors.errors import ProtocolError, TransportError
from scaffold.contract._json.types import Json

__all__ = ["Deliver", "ReadBuffer", "Response", "ResponseRouter", "message_or_error"]


Response: TypeAlias = Message | TemplateMatch[bool] | TransportError | Progress | None
"""What ends a wait; `None` only wakes the waiting thread."""

Deliver: TypeAlias = Callable[[Response], object]

_MAX_LOGGED: Final = 10
"""Odd lines that are logged; the others are counted."""
_MAX_EXCERPT_BYTES: Final = 200
_MAX_BATCH: Final = 10_000
"""Messages of one line that are read; a longer line is odd as a whole."""
_NEWLINE: Final = ord("\n")


class _Envelope(msgspec.Struct):
    jsonrpc: Json = None
    id: Json = None
    error: Json = None


_FIRST_ID: Final = re.compile(
    rb'\s*{\s*(?:"jsonrpc"\s*:\s*"2.0"\s*,\s*)?"id"\s*:\s*(\d{1,18})(?:\.0)?\s*,'
)
_LAST_ID: Final = re.compile(rb'"id"\s*:\s*(\d{1,18})\s*}\s*$')
"""Where the id of an answer stands, even if the rest is no JSON: a number that is NaN is enough.

No request of ours has an id of more digits.
"""

_ANSWERS: Final = re.compile(rb'"(?:jsonrpc|result|error)"')
"""Members that make a line an attempt at an answer."""

_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_batch = msgspec.json.Decoder(list[Raw]).decode


class ReadBuffer(deque[bytes]):
    """Pieces of the output that were read, up to the last of a line that has not ended yet."""

    __slots__ = ("lines", "searched")

    def __init__(self, pieces: tuple[bytes, ...] = (), lines: tuple[bytes, ...] = ()) -> None:
        super().__init__(pieces)
        self.lines = deque(lines)
        """Whole lines that have not been delivered."""
        self.searched: tuple[int, int] = (0, 0)
        """How many pieces hold no end of a line, and how many bytes."""


class ResponseRouter:
    """Reads a server's output and delivers each answer once.

    `limit` is the longest message in bytes; `other` gets the server's requests and notifications,
    with the line that they came as; `templates` are those of answers like earlier ones.
    """

    def __init__(
        self,
        plugin: str,
        limit: int,
        handle_other: Callable[[Message, bytes], None],
        templates: TemplateCache[bool],
    ) -> None:
        self.pending: dict[int, Deliver] = {}
        """Request id → who waits for its answer."""
        self.delivered_count = 0
        """How many answers were delivered."""
        self.last_id = 0
        """The last id given to a request."""
        self.buffer = ReadBuffer()
        """What was read and not delivered. A reader appends to it in the call that reads."""
        self._plugin = plugin
        self._limit = limit
        self._handle_other = handle_other
        self._templates = templates
        self._odd_lines = 0
        self._last_odd = ""

    @property
    def remarks(self) -> str:
        """What was odd in the output so far, to end an error's message with."""
        if not self._odd_lines:
            return ""
        return f"; it wrote {self._odd_lines} odd line(s), the last: {self._last_odd}"

    def take_lone_response(self, number: int) -> tuple[bytes, bytes] | None:
        """Take and return the payload of a request's answer, and all that came, if it came alone.

        Else nothing is taken.
        """
        buffer = self.buffer
        if len(buffer) != 1 or buffer.lines:
            return None
        data = buffer[0]
        opening = MESSAGE_START + b"%d" % number + self._templates.last_template
        start = len(opening)
        whole = data[:start] == opening and data[-3:] == b"}}\n"
        if not whole or data.find(_NEWLINE) != len(data) - 1:
            return None
        self.delivered_count += 1
        buffer.clear()
        return data[start:-3], data

    def feed(self, data: bytes) -> None:
        """Take the next bytes, and deliver; raise as `deliver` does."""
        self.buffer.append(data)
        self.deliver()

    def deliver(self) -> None:
        """Deliver what is held; raise `ProtocolError` if a line is longer than the limit."""
        buffer = self.buffer
        if (
            len(buffer) == 1
            and not buffer.lines
            and buffer[0].find(b"\n") == len(buffer[0]) - 1 > 0
        ):
            self._read_line(_without_wake_bytes(buffer[0][:-1]))
            buffer.clear()
            return
        self._split()
        lines = self.buffer.lines
        while lines:
            line = lines[0]
            self._read_line(line)
            # A task that was resumed may have run a loop in which the line was taken.
            if lines and lines[0] is line:
                lines.popleft()

    def _split(self) -> None:
        """Make lines of the pieces, as far as they have come whole."""
        buffer = self.buffer
        first, size = buffer.searched
        ended = False
        for place in range(first, len(buffer)):
            buffer[place] = piece = _without_wake_bytes(buffer[place])
            ended = ended or b"\n" in piece
            size += len(piece)
        if ended:
            *whole, rest = (buffer[0] if len(buffer) == 1 else b"".join(buffer)).split(b"\n")
            size = len(rest)
            lines = tuple(filter(None, whole))
            # One assignment: an interruption finds the pieces or the lines, never both or none.
            self.buffer = buffer = ReadBuffer((rest,) if rest else (), (*buffer.lines, *lines))
        elif not size:
            buffer.clear()
        buffer.searched = (len(buffer), size)
        if size > self._limit:
            raise ProtocolError(f"the server wrote a line of more than {self._limit} bytes")

    def _read_line(self, line: bytes, *, batched: bool = False) -> None:
        parts = self._templates.split(line)
        if parts is not None:
            digits, payload, known = parts
            number = int(digits)
            if self._deliver(number, TemplateMatch(number, known, payload, line)):
                return
        try:
            message = read_server_message(line)
        except JsonRpcError as error:
            if not line.isspace() and (batched or not self._read_batch(line)):
                self._report_unreadable(line, str(error))
            return
        if message.method is not UNSET:
            self._handle_other(message, line)
            return
        answered = message.id
        if isinstance(answered, int) and self._deliver(answered, message):
            return
        if answered is UNSET:
            self._report_unreadable(line, "it has no id")
        elif not (isinstance(answered, int) and 0 < answered <= self.last_id):
            self._log_odd_line(
                f"an answer with the unknown id {repr(answered)[:_MAX_EXCERPT_BYTES]}"
            )

    def _deliver(self, number: int, answer: Response) -> bool:
        """Deliver an answer; tell whether somebody waits for it."""
        deliver = self.pending.get(number)
        if deliver is None:
            return False
        self.delivered_count += 1
        deliver(answer)
        # Only now: an interruption before would leave it undelivered, and forgotten.
        self.pending.pop(number, None)
        return True

    def _read_batch(self, line: bytes) -> bool:
        """Read a line that holds several messages, as it could until 2025-03-26."""
        try:
            batch = _decode_batch(line)
        except DECODE_ERRORS:
            return False
        if len(batch) > _MAX_BATCH:
            return False
        for message in batch:
            self._read_line(bytes(message), batched=True)
        return True

    def _report_unreadable(self, line: bytes, reason: str) -> None:
        shown = excerpt(line, _MAX_EXCERPT_BYTES)
        deliver = self._call_of_unreadable(line)
        if deliver is not None:
            deliver(ProtocolError(f"the answer is not a JSON-RPC response, {reason}: {shown}"))
        else:
            self._log_odd_line(f"{shown!r} ({reason})")

    def _call_of_unreadable(self, line: bytes) -> Deliver | None:
        """Find the call that an unreadable answer belongs to."""
        if not _ANSWERS.search(line):
            return None  # a log entry, which may have an id of its own
        found = _FIRST_ID.match(line) or _LAST_ID.search(line[-_MAX_EXCERPT_BYTES:])
        if found is not None:
            return self.pending.pop(int(found[1]), None)
        try:
            envelope = _decode_envelope(line)
        except DECODE_ERRORS:
            return None
        unread = envelope.jsonrpc == "2.0" and envelope.id is None and envelope.error is not None
        if unread and len(self.pending) == 1:
            # The server could not read some request, and there is but one (JSON-RPC 2.0 §5).
            return self.pending.popitem()[1]
        return None

    def _log_odd_line(self, what: str) -> None:
        self._odd_lines += 1
        self._last_odd = what
        if self._odd_lines <= _MAX_LOGGED:
            logging.getLogger(f"plugin.{self._plugin}").warning("odd output: %s", what)


def _without_wake_bytes(line: bytes) -> bytes:
    return line.replace(WAKE_BYTE, b"") if WAKE_BYTE in line else line


def message_or_error(answer: Response) -> Message | None:
    """Return the message of an answer, raise its error."""
    if isinstance(answer, TransportError):
        raise answer
    return answer if isinstance(answer, Message) else None
