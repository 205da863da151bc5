"""Where a value stands in TOML or JSON text: the parsers do not report positions.

The text has been parsed already, so it is known to be well-formed; what is not needed to tell keys
and values apart is not looked at.
"""

import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""

_STRING = r'"""(?:\\.|[^\\])*?"{3,5}|' r"'''.*?'{3,5}|" r'"(?:\\.|[^"\\])*"|' r"'[^']*'"
_STRINGS = re.compile(_STRING, re.DOTALL)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^\s,\]}#]+(?: [^\s,\]}#]+)?")
_BLANK = re.compile(r"(?:\s|#[^\n]*)*")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A line and a column, counted from 1, in characters."""

    line: int = 1
    column: int = 1


def key_positions(
    text: str, repeated: list[tuple[KeyPath, Position]] | None = None
) -> dict[KeyPath, tuple[Position, Position]]:
    """Map the path of every value in well-formed TOML or JSON to the places of its key and itself.

    A table's own place is its header; an item of a list has no key, so both places are its own.

    Args:
        text: The document.
        repeated: Gets every key of JSON that is there a second time, and its place there. TOML's
            parser refuses such keys itself.
    """
    scan = _Scan(text)
    found = scan.document()
    if repeated is not None:
        repeated += scan.repeated
    return found


class _Scan:
    """One pass over a text; `at` is the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[KeyPath, tuple[Position, Position]] = {}
        self.lists: dict[KeyPath, int] = {}
        self.repeated: list[tuple[KeyPath, Position]] = []

    def document(self) -> dict[KeyPath, tuple[Position, Position]]:
        self.skip()
        if self.text.startswith("{", self.at):
            self.value(())
            return self.found
        table: KeyPath = ()
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)
            self.skip()
        return self.found

    def header(self) -> KeyPath:
        """Read `[a.b]` or `[[a.b]]`."""
        place = self.here()
        double = self.text.startswith("[[", self.at)
        self.at += 1 + double
        table = self.key()
        self.at += 1 + double
        if double:
            index = self.lists.get(table, -1) + 1
            self.lists[table] = index
            table = (*table, index)
        self.found.setdefault(table, (place, place))
        return table

    def pair(self, table: KeyPath) -> None:
        """Read `key = value`, or JSON's `"key": value`."""
        place = self.here()
        path = (*table, *self.key())
        self.at += 1
        self.skip()
        for depth in range(len(table) + 1, len(path)):
            self.found.setdefault(path[:depth], (place, place))
        if path in self.found:
            self.repeated.append((path, place))
        self.found[path] = (place, self.here())
        self.value(path)

    def key(self) -> KeyPath:
        """Read a key, dotted or not, up to what follows it."""
        parts: list[str] = []
        while True:
            self.skip()
            quoted = _STRINGS.match(self.text, self.at)
            match = quoted or _BARE_KEY.match(self.text, self.at)
            assert match is not None
            parts.append(_unquote(match[0]) if quoted else match[0])
            self.at = match.end()
            self.skip()
            if not self.text.startswith(".", self.at):
                return tuple(parts)
            self.at += 1

    def value(self, path: KeyPath) -> None:
        """Read a value, and note the places of what is in it."""
        opening = self.text[self.at]
        if opening == "{":
            self.items("}", lambda _index: self.pair(path))
        elif opening == "[":
            self.items("]", lambda index: self.item((*path, index)))
        else:
            match = _STRINGS.match(self.text, self.at) or _BARE_VALUE.match(self.text, self.at)
            assert match is not None
            self.at = match.end()

    def item(self, path: KeyPath) -> None:
        place = self.here()
        self.found[path] = (place, place)
        self.value(path)

    def items(self, closing: str, read: Callable[[int], None]) -> None:
        """Read what stands between brackets, separated by commas."""
        self.at += 1
        index = 0
        self.skip()
        while self.text[self.at] != closing:
            read(index)
            index += 1
            self.skip()
            if self.text[self.at] == ",":
                self.at += 1
                self.skip()
        self.at += 1

    def skip(self) -> None:
        match = _BLANK.match(self.text, self.at)
        assert match is not None
        self.at = match.end()

    def here(self) -> Position:
        start = self.text.rfind("\n", 0, self.at) + 1
        return Position(self.text.count("\n", 0, self.at) + 1, self.at - start + 1)


def _unquote(quoted: str) -> str:
    if quoted.startswith("'"):
        return quoted.strip("'")
    try:
        content: str = json.loads(quoted)
    except ValueError:  # an escape that only TOML has
        content = tomllib.loads(f"key = {quoted}")["key"]
    return content
