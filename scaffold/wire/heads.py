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

__all__ = ["Familiar", "Heads"]

T = TypeVar("T")

_START: Final = b'{"jsonrpc":"2.0","id":'
_ID: Final = len(_START)
_LONGEST_ID: Final = 18
_LONGEST: Final = 1024
"""Bytes of a head."""
_MOST: Final = 64
"""Heads that are kept: a peer whose heads always differ gains nothing from more."""


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

    def recognise(self, line: bytes) -> Familiar[T] | None:
        """Take a line apart if its head is known; the line has no end of line."""
        digits, head, rest = self._split(line)
        known = self._known.get(head)
        if known is None or not _is_usual(line, digits):
            return None
        return Familiar(int(digits), known, line[rest:-2], line)

    def learn(self, line: bytes, payload: bytes, known: T) -> None:
        """Remember the head of a line that was read in full, if the payload is where it should be.

        `payload` is the value of the key, as it stands in the line.
        """
        digits, head, rest = self._split(line)
        plain = head.endswith(self._key) and b"\\" not in head and b'"id":' not in head
        in_place = plain and _is_usual(line, digits) and line[rest:-2] == payload
        if in_place and len(self._known) < _MOST:
            self._known[head] = known

    def _split(self, line: bytes) -> tuple[bytes, bytes, int]:
        """Return what stands where the id and the head should be, and where the payload begins."""
        comma = line.find(b",", _ID, _ID + _LONGEST_ID)
        rest = line.find(self._key, comma, comma + _LONGEST) + len(self._key)
        return line[_ID:comma], line[comma:rest], rest


def _is_usual(line: bytes, digits: bytes) -> bool:
    """Tell whether a line begins and ends as it should, and its id is an integer above 0."""
    in_place = line.startswith(_START) and line.endswith(b"}}")
    return in_place and digits.isdigit() and not digits.startswith(b"0")
