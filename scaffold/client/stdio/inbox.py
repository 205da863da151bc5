"""What a server writes: lines into messages, messages to the calls that wait for them. No I/O.

A line that is no message harms nothing but itself: it is logged, counted, and named in the error of
a call that gets no answer.
"""

import logging
import re
from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET, Raw

from scaffold.contract.errors import ProtocolError, TransportError
from scaffold.contract.values import Json
from scaffold.wire.heads import START, Familiar, Heads
from scaffold.wire.messages import MALFORMED, Message, WireError, read
from scaffold.wire.progress import Progress
from scaffold.wire.reasons import excerpt

__all__ = ["Answer", "Deliver", "Inbox", "message_of"]


Answer: TypeAlias = Message | Familiar[bool] | TransportError | Progress | None
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


class Inbox:
    """Reads a server's output and delivers each answer once.

    `limit` is the longest message in bytes; `other` gets the server's requests and notifications,
    with the line that they came as; `heads` are those of answers like earlier ones.
    """

    def __init__(
        self,
        plugin: str,
        limit: int,
        other: Callable[[Message, bytes], None],
        heads: Heads[bool],
    ) -> None:
        self.waiting: dict[int, Deliver] = {}
        """Request id → who waits for its answer."""
        self.answered = 0
        """How many answers were delivered."""
        self.last_id = 0
        """The last id given to a request."""
        self.held = 0
        """The bytes of a line that has not ended yet."""
        self._plugin = plugin
        self._limit = limit
        self._other = other
        self._heads = heads
        self._pieces: list[bytes] = []
        self._odd_lines = 0
        self._last_odd = ""

    @property
    def remarks(self) -> str:
        """What was odd in the output so far, to end an error's message with."""
        if not self._odd_lines:
            return ""
        return f"; it wrote {self._odd_lines} odd line(s), the last: {self._last_odd}"

    def only(self, data: bytes, number: int) -> bytes | None:
        """Return the payload of a request's answer, if that begins as usual and came alone.

        Else nothing is taken.
        """
        opening = START + b"%d" % number + self._heads.usual
        start = len(opening)
        whole = data[:start] == opening and data[-3:] == b"}}\n"
        if not whole or self.held or data.find(_NEWLINE) != len(data) - 1:
            return None
        self.answered += 1
        return data[start:-3]

    def feed(self, data: bytes) -> None:
        """Take the next bytes; raise `ProtocolError` if a line is longer than the limit."""
        end = data.find(b"\n")
        if end < 0:
            self._hold(data)
            return
        if self.held:
            self._hold(data)
            data = b"".join(self._pieces)
            self._pieces.clear()
            self.held = 0
            end = data.find(b"\n")
        if end == len(data) - 1:
            if end:
                self._line(data[:-1])
            return
        *lines, rest = data.split(b"\n")
        for line in filter(None, lines):
            self._line(line)
        if rest:
            self._hold(rest)

    def _hold(self, data: bytes) -> None:
        self.held += len(data)
        if self.held > self._limit:
            raise ProtocolError(f"the server wrote a line of more than {self._limit} bytes")
        self._pieces.append(data)

    def _line(self, line: bytes, *, batched: bool = False) -> None:
        parts = self._heads.split(line)
        if parts is not None:
            digits, payload, known = parts
            number = int(digits)
            deliver = self.waiting.pop(number, None)
            if deliver is not None:
                self.answered += 1
                deliver(Familiar(number, known, payload, line))
                return
        try:
            message = read(line)
        except WireError as error:
            if not line.isspace() and (batched or not self._batch(line)):
                self._unreadable(line, str(error))
            return
        if message.method is not UNSET:
            self._other(message, line)
            return
        answered = message.id
        deliver = self.waiting.pop(answered, None) if isinstance(answered, int) else None
        if deliver is not None:
            self.answered += 1
            deliver(message)
        elif answered is UNSET:
            self._unreadable(line, "it has no id")
        elif not (isinstance(answered, int) and 0 < answered <= self.last_id):
            self._note(f"an answer with the unknown id {repr(answered)[:_EXCERPT]}")

    def _batch(self, line: bytes) -> bool:
        """Read a line that holds several messages, as it could until 2025-03-26."""
        try:
            batch = _decode_batch(line)
        except MALFORMED:
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
        except MALFORMED:
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


def message_of(answer: Answer) -> Message | None:
    """Return the message of an answer, raise its error."""
    if isinstance(answer, TransportError):
        raise answer
    return answer if isinstance(answer, Message) else None
