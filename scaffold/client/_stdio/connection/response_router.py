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

__all__ = ["Answer", "Deliver", "Held", "Inbox", "message_of"]


Answer: TypeAlias = Message | TemplateMatch[bool] | TransportError | Progress | None
"""What ends a wait; `None` only wakes the waiting thread."""

Deliver: TypeAlias = Callable[[Answer], object]

_LOGGED: Final = 10
"""Odd lines that are logged; the others are counted."""
_EXCERPT: Final = 200
_LONGEST_BATCH: Final = 10_000
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


class Held(deque[bytes]):
    """Pieces of the output that were read, up to the last of a line that has not ended yet."""

    __slots__ = ("lines", "searched")

    def __init__(self, pieces: tuple[bytes, ...] = (), lines: tuple[bytes, ...] = ()) -> None:
        super().__init__(pieces)
        self.lines = deque(lines)
        """Whole lines that have not been delivered."""
        self.searched: tuple[int, int] = (0, 0)
        """How many pieces hold no end of a line, and how many bytes."""


class Inbox:
    """Reads a server's output and delivers each answer once.

    `limit` is the longest message in bytes; `other` gets the server's requests and notifications,
    with the line that they came as; `templates` are those of answers like earlier ones.
    """

    def __init__(
        self,
        plugin: str,
        limit: int,
        other: Callable[[Message, bytes], None],
        templates: TemplateCache[bool],
    ) -> None:
        self.waiting: dict[int, Deliver] = {}
        """Request id → who waits for its answer."""
        self.answered = 0
        """How many answers were delivered."""
        self.last_id = 0
        """The last id given to a request."""
        self.held = Held()
        """What was read and not delivered. A reader appends to it in the call that reads."""
        self._plugin = plugin
        self._limit = limit
        self._other = other
        self._templates = templates
        self._odd_lines = 0
        self._last_odd = ""

    @property
    def remarks(self) -> str:
        """What was odd in the output so far, to end an error's message with."""
        if not self._odd_lines:
            return ""
        return f"; it wrote {self._odd_lines} odd line(s), the last: {self._last_odd}"

    def only(self, number: int) -> tuple[bytes, bytes] | None:
        """Take and return the payload of a request's answer, and all that came, if it came alone.

        Else nothing is taken.
        """
        held = self.held
        if len(held) != 1 or held.lines:
            return None
        data = held[0]
        opening = MESSAGE_START + b"%d" % number + self._templates.last_template
        start = len(opening)
        whole = data[:start] == opening and data[-3:] == b"}}\n"
        if not whole or data.find(_NEWLINE) != len(data) - 1:
            return None
        self.answered += 1
        held.clear()
        return data[start:-3], data

    def feed(self, data: bytes) -> None:
        """Take the next bytes, and deliver; raise as `deliver` does."""
        self.held.append(data)
        self.deliver()

    def deliver(self) -> None:
        """Deliver what is held; raise `ProtocolError` if a line is longer than the limit."""
        held = self.held
        if len(held) == 1 and not held.lines and held[0].find(b"\n") == len(held[0]) - 1 > 0:
            self._line(_without_calls(held[0][:-1]))
            held.clear()
            return
        self._split()
        lines = self.held.lines
        while lines:
            line = lines[0]
            self._line(line)
            # A task that was resumed may have run a loop in which the line was taken.
            if lines and lines[0] is line:
                lines.popleft()

    def _split(self) -> None:
        """Make lines of the pieces, as far as they have come whole."""
        held = self.held
        first, size = held.searched
        ended = False
        for place in range(first, len(held)):
            held[place] = piece = _without_calls(held[place])
            ended = ended or b"\n" in piece
            size += len(piece)
        if ended:
            *whole, rest = (held[0] if len(held) == 1 else b"".join(held)).split(b"\n")
            size = len(rest)
            lines = tuple(filter(None, whole))
            # One assignment: an interruption finds the pieces or the lines, never both or none.
            self.held = held = Held((rest,) if rest else (), (*held.lines, *lines))
        elif not size:
            held.clear()
        held.searched = (len(held), size)
        if size > self._limit:
            raise ProtocolError(f"the server wrote a line of more than {self._limit} bytes")

    def _line(self, line: bytes, *, batched: bool = False) -> None:
        parts = self._templates.split(line)
        if parts is not None:
            digits, payload, known = parts
            number = int(digits)
            if self._deliver(number, TemplateMatch(number, known, payload, line)):
                return
        try:
            message = read_server_message(line)
        except JsonRpcError as error:
            if not line.isspace() and (batched or not self._batch(line)):
                self._unreadable(line, str(error))
            return
        if message.method is not UNSET:
            self._other(message, line)
            return
        answered = message.id
        if isinstance(answered, int) and self._deliver(answered, message):
            return
        if answered is UNSET:
            self._unreadable(line, "it has no id")
        elif not (isinstance(answered, int) and 0 < answered <= self.last_id):
            self._note(f"an answer with the unknown id {repr(answered)[:_EXCERPT]}")

    def _deliver(self, number: int, answer: Answer) -> bool:
        """Deliver an answer; tell whether somebody waits for it."""
        deliver = self.waiting.get(number)
        if deliver is None:
            return False
        self.answered += 1
        deliver(answer)
        # Only now: an interruption before would leave it undelivered, and forgotten.
        self.waiting.pop(number, None)
        return True

    def _batch(self, line: bytes) -> bool:
        """Read a line that holds several messages, as it could until 2025-03-26."""
        try:
            batch = _decode_batch(line)
        except DECODE_ERRORS:
            return False
        if len(batch) > _LONGEST_BATCH:
            return False
        for message in batch:
            self._line(bytes(message), batched=True)
        return True

    def _unreadable(self, line: bytes, reason: str) -> None:
        shown = excerpt(line, _EXCERPT)
        deliver = self._blamed(line)
        if deliver is not None:
            deliver(ProtocolError(f"the answer is no JSON-RPC answer, {reason}: {shown}"))
        else:
            self._note(f"{shown!r} ({reason})")

    def _blamed(self, line: bytes) -> Deliver | None:
        """Find the call that an unreadable answer belongs to."""
        if not _ANSWERS.search(line):
            return None  # a log entry, which may have an id of its own
        found = _FIRST_ID.match(line) or _LAST_ID.search(line[-_EXCERPT:])
        if found is not None:
            return self.waiting.pop(int(found[1]), None)
        try:
            envelope = _decode_envelope(line)
        except DECODE_ERRORS:
            return None
        unread = envelope.jsonrpc == "2.0" and envelope.id is None and envelope.error is not None
        if unread and len(self.waiting) == 1:
            # The server could not read some request, and there is but one (JSON-RPC 2.0 §5).
            return self.waiting.popitem()[1]
        return None

    def _note(self, what: str) -> None:
        self._odd_lines += 1
        self._last_odd = what
        if self._odd_lines <= _LOGGED:
            logging.getLogger(f"plugin.{self._plugin}").warning("odd output: %s", what)


def _without_calls(line: bytes) -> bytes:
    return line.replace(WAKE_BYTE, b"") if WAKE_BYTE in line else line


def message_of(answer: Answer) -> Message | None:
    """Return the message of an answer, raise its error."""
    if isinstance(answer, TransportError):
        raise answer
    return answer if isinstance(answer, Message) else None
