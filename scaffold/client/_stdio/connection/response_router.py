"""Splits the output of a server into messages, and delivers responses to their calls. No I/O.

An invalid line affects no other line. It is logged, counted, and quoted in the error of a call that
gets no response.

A signal handler can raise an exception between any two steps. Nothing is lost then: bytes and lines
stay in the buffer until they are processed, and the next `deliver` repeats the interrupted line.
A message that is delivered twice does no harm.
"""

import logging
import re
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET, Raw

from scaffold._mcp.jsonrpc import DECODE_ERRORS, JsonRpcError, Message, read_server_message
from scaffold._mcp.lenient_reading import excerpt
from scaffold._mcp.message_templates import MESSAGE_START, TemplateCache, TemplateMatch
from scaffold._mcp.notifications import Progress
from scaffold.client._process.process import WAKE_BYTE
from scaffold.contract._errors.errors import ProtocolError, TransportError
from scaffold.contract._json import Json

Response: TypeAlias = Message | TemplateMatch[bool] | TransportError | Progress | None
"""The outcome of a wait. `None` only wakes the waiting thread."""

Deliver: TypeAlias = Callable[[Response], object]

_MAX_LOGGED: Final = 10
"""The number of invalid lines that are logged. Further ones are only counted."""
_MAX_EXCERPT_BYTES: Final = 200
_MAX_BATCH: Final = 10_000
"""Maximum number of messages in one line. A longer batch is one invalid line."""
_NEWLINE: Final = ord("\n")


class _Envelope(msgspec.Struct):
    jsonrpc: Json = None
    id: Json = None
    error: Json = None


_FIRST_ID: Final = re.compile(
    rb'\s*{\s*(?:"jsonrpc"\s*:\s*"2.0"\s*,\s*)?"id"\s*:\s*(\d{1,18})(?:\.0)?\s*,'
)
_LAST_ID: Final = re.compile(rb'"id"\s*:\s*(\d{1,18})\s*}\s*$')
"""The id in a response whose rest is not JSON, for example because of a number NaN.

Ids of our requests have at most 18 digits.
"""

_ANSWERS: Final = re.compile(rb'"(?:jsonrpc|result|error)"')
"""A line with one of these members is an attempt at a response."""

_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_batch = msgspec.json.Decoder(list[Raw]).decode


class ReadBuffer(deque[bytes]):
    """Pieces of the output that were read and do not form a whole line yet."""

    __slots__ = ("lines", "searched")

    def __init__(self, pieces: tuple[bytes, ...] = (), lines: tuple[bytes, ...] = ()) -> None:
        super().__init__(pieces)
        self.lines = deque(lines)
        """Whole lines that have not been delivered."""
        self.searched: tuple[int, int] = (0, 0)
        """The number of pieces without a newline, and their bytes."""


class WatchedRead:
    """A read that can block. One thread at a time uses it."""

    __slots__ = ("__weakref__", "interrupt", "request_id")

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self.request_id = 0
        """The request that is written or whose response is read; 0 while no thread does so."""
        self.interrupt = interrupt
        """Wakes the reading thread."""


class ResponseRouter:
    """Splits a server's output and delivers each response once.

    Args:
       plugin: The name of the plugin, for its logger.
       limit: Maximum length of a message in bytes.
       handle_other: Called with each request and notification of the server, and its line.
       templates: The templates of responses.
    """

    def __init__(
        self,
        plugin: str,
        limit: int,
        handle_other: Callable[[Message, bytes], None],
        templates: TemplateCache[bool],
    ) -> None:
        self.pending: dict[int, Deliver] = {}
        """Request id → the function that receives its response."""
        self.delivered_count = 0
        """The number of delivered responses."""
        self.last_id = 0
        """The id of the newest request."""
        self.buffer = ReadBuffer()
        """The output that was not delivered yet. A reader appends in the same call that reads."""
        self._plugin = plugin
        self._limit = limit
        self._handle_other = handle_other
        self._templates = templates
        self._odd_lines = 0
        self._last_odd = ""

    @property
    def remarks(self) -> str:
        """The invalid lines so far, as the end of an error message."""
        if not self._odd_lines:
            return ""
        return f"; it wrote {self._odd_lines} odd line(s), the last: {self._last_odd}"

    def take_lone_response(self, number: int) -> tuple[bytes, bytes] | None:
        """Return the payload of a response and the whole line, if nothing else has arrived.

        Otherwise return `None` and leave the buffer unchanged.
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
        """Add bytes and deliver them; raise as `deliver` does."""
        self.buffer.append(data)
        self.deliver()

    def deliver(self) -> None:
        """Deliver all whole lines; raise `ProtocolError` if a line is longer than the limit."""
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
            # A resumed task may have run the event loop, which has then removed the line.
            if lines and lines[0] is line:
                lines.popleft()

    def _split(self) -> None:
        """Split the pieces into lines, if one of them contains a newline."""
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
            # One assignment: after an interruption either the pieces or the lines are there, never
            # both.
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
        """Deliver a response; return whether a call waits for it."""
        deliver = self.pending.get(number)
        if deliver is None:
            return False
        self.delivered_count += 1
        deliver(answer)
        # Removed last: an interruption before this line must not lose the response.
        self.pending.pop(number, None)
        return True

    def _read_batch(self, line: bytes) -> bool:
        """Read a line with several messages, which MCP allowed until 2025-03-26."""
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
        """Return the call that an unreadable response belongs to, or `None`."""
        if not _ANSWERS.search(line):
            return None  # a log record, whose own id has no meaning here
        found = _FIRST_ID.match(line) or _LAST_ID.search(line[-_MAX_EXCERPT_BYTES:])
        if found is not None:
            return self.pending.pop(int(found[1]), None)
        try:
            envelope = _decode_envelope(line)
        except DECODE_ERRORS:
            return None
        unread = envelope.jsonrpc == "2.0" and envelope.id is None and envelope.error is not None
        if unread and len(self.pending) == 1:
            # The server could not read a request, and only one is in flight (JSON-RPC 2.0 §5).
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
    """Return the message of a response; raise its error."""
    if isinstance(answer, TransportError):
        raise answer
    return answer if isinstance(answer, Message) else None
