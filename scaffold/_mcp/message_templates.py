"""Messages known by their beginning: most differ from an earlier one in id and payload only.

A peer writes every call of a tool alike, and every answer, with the payload last. What stands
between the id and the payload, the head, is read in full once and compared from then on; the
payload goes to its own reader without having been scanned before.

This is sound. A known head ends with the key of the payload, two objects deep, and holds no
backslash, so a quote in it is where a string begins or ends. If a line is the usual beginning, an
id of digits, a known head, one JSON value and two braces, then it is that earlier message with
another id and another payload. That the slice is one JSON value, its reader finds out: if it
refuses the slice, the line must be read in full.
"""

from typing import Final, Generic, TypeVar

import msgspec

__all__ = ["START", "Familiar", "Heads"]

T = TypeVar("T")

START: Final = b'{"jsonrpc":"2.0","id":'
"""How every message begins that may have a known head."""

_ID: Final = len(START)
_FARTHEST: Final = _ID + 18
"""Where an id ends at the latest."""
_LONGEST: Final = 1024
"""Bytes of a head."""
_MOST: Final = 64
"""Heads that are kept: a peer whose heads always differ gains nothing from more."""
_NO_HEAD: Final = b"\n"
"""What stands in no line."""


class Familiar(msgspec.Struct, Generic[T], gc=False):
    """A message whose head is known; good for as long as its payload can be read."""

    id: int
    known: T
    payload: bytes
    line: bytes


class Heads(Generic[T]):
    """The known heads of messages whose payload is the member `key`, and what each stands for."""

    def __init__(self, key: str) -> None:
        self._key = b'"%b":' % key.encode()
        self._known: dict[bytes, T] = {}
        self.usual = _NO_HEAD
        """The head that was met last: most often the next one."""

    def recognise(self, line: bytes) -> Familiar[T] | None:
        """Take a line apart if its head is known; the line has no end of line."""
        parts = self.split(line)
        if parts is None:
            return None
        digits, payload, known = parts
        return Familiar(int(digits), known, payload, line)

    def split(self, line: bytes, tail: bytes = b"}}") -> tuple[bytes, bytes, T] | None:
        """Return the id as digits, the payload, and what the head stands for, if that is known.

        `tail` is what stands behind the payload: two braces, and the end of line if there is one.
        """
        comma = line.find(b",", _ID, _FARTHEST)
        head = self.usual
        if line[comma : comma + len(head)] != head:
            head = self._head(line, comma)
            if head not in self._known:
                return None
            self.usual = head
        digits, end = line[_ID:comma], -len(tail)
        if digits.isdigit() and digits >= b"1" and line[:_ID] == START and line[end:] == tail:
            return digits, line[comma + len(head) : end], self._known[head]
        return None

    def learn(self, line: bytes, payload: bytes, known: T) -> None:
        """Remember the head of a line that was read in full, if the payload is where it should be.

        `payload` is the value of the key, as it stands in the line.
        """
        head = self._head(line, line.find(b",", _ID, _FARTHEST))
        plain = head.endswith(self._key) and b"\\" not in head and b'"id":' not in head
        if plain and head not in self._known and len(self._known) < _MOST:
            # Not yet for others: they would take it for one that is known to be good.
            alone: Heads[T] = Heads("")
            alone._known[head] = known
            alone.usual = head
            found = alone.recognise(line)
            if found is not None and found.payload == payload:
                self._known[head] = known
                self.usual = head

    def _head(self, line: bytes, comma: int) -> bytes:
        """Return what stands where the head should be: from behind the id to the payload."""
        return line[comma : line.find(self._key, comma, comma + _LONGEST) + len(self._key)]
