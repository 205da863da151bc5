"""Write a short text that a regular expression of JSON Schema matches.

Supports literals, classes, groups, alternatives, repeats and anchors. The caller must check the
result: for a pattern with other syntax the text may not match.
"""

from collections.abc import Iterator

_LONGEST = 10_000
"""Characters that a repeat may come to; the text of a longer one will not match."""
_SPARE = 1000
"""How often what has no end is repeated at most."""

_WIDEST = 0x17F
"""Characters that are taken from one range of a class."""

_CLASSES = {"d": "0", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a"}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_FRIENDLY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. /:@+"


def matching_text(pattern: str, least: int = 0) -> str:
    """Return a text for a pattern; repeats without an end are used to reach `least` characters."""
    text = _Reader(pattern, 0).alternatives()
    for spare in range(1, min(least - len(text), _SPARE) + 1):
        if len(text) >= least:
            break
        text = _Reader(pattern, spare).alternatives()
    return text


class _Reader:
    """Reads a pattern once, from left to right, and builds a short text that matches."""

    def __init__(self, pattern: str, spare: int) -> None:
        self.rest = list(reversed(pattern))
        self.spare = spare

    def _next(self) -> str:
        return self.rest.pop() if self.rest else ""

    def _peek(self) -> str:
        return self.rest[-1] if self.rest else ""

    def _take(self, word: str) -> bool:
        if "".join(reversed(self.rest[-len(word) :])) != word:
            return False
        del self.rest[-len(word) :]
        return True

    def alternatives(self) -> str:
        """Read up to the end of a group; the first alternative that is not empty wins."""
        texts = [self._sequence()]
        while self._take("|"):
            texts.append(self._sequence())
        return next((text for text in texts if text), "")

    def _sequence(self) -> str:
        parts: list[str] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeat(self._atom()))
        return "".join(parts)

    def _atom(self) -> str:
        match self._next():
            case "^" | "$":
                return ""
            case ".":
                return "a"
            case "(":
                return self._group()
            case "[":
                return self._class()
            case "\\":
                return self._escape()
            case character:
                return character

    def _group(self) -> str:
        looks = self._looks()
        if not looks and not self._take("?:") and self._take("?<"):
            while self._next() not in (">", ""):
                pass
        text = self.alternatives()
        self._take(")")
        return "" if looks else text

    def _looks(self) -> bool:
        """Read the start of a group that only looks: ahead or behind."""
        return self._take("?=") or self._take("?!") or self._take("?<=") or self._take("?<!")

    def _escape(self) -> str:
        character = self._next()
        if character in "bB":
            return ""
        if character in "ux":
            return self._code_point(4 if character == "u" else 2)
        return _CLASSES.get(character, _CONTROLS.get(character, character))

    def _code_point(self, length: int) -> str:
        """Read a number of a character; what is no number stands for nothing that can be made."""
        if self._take("{"):
            digits = "".join(iter(self._next, "}")) if "}" in self.rest else "".join(self.rest)
        else:
            digits = "".join(self._next() for _ in range(length))
        try:
            return chr(int(digits, 16))
        except (ValueError, OverflowError):
            return ""

    def _class(self) -> str:
        negated = self._take("^")
        members = set(self._members())
        wanted = [c for c in _FRIENDLY if (c in members) is not negated]
        return wanted[0] if wanted else min(members, default="")

    def _members(self) -> Iterator[str]:
        while self._peek() not in ("", "]"):
            first = self._member()
            if self._peek() == "-" and self.rest[-2:-1] != ["]"] and len(first) == 1:
                self._next()
                last = min(ord(self._member()[:1] or first), ord(first) + _WIDEST)
                yield from map(chr, range(ord(first), last + 1))
            else:
                yield from first
        self._next()

    def _member(self) -> str:
        character = self._next()
        if character != "\\":
            return character
        kind = self._peek()
        text = self._escape()
        match kind:
            case "d":
                return "0123456789"
            case "w":
                return _FRIENDLY[: _FRIENDLY.index("-")]
            case _:
                return text

    def _repeat(self, text: str) -> str:
        least, most = self._bounds()
        self._take("?")
        wanted = least + self.spare
        if most is not None:
            wanted = max(least, min(most, wanted))
        return text * wanted if len(text) * wanted <= _LONGEST else text

    def _bounds(self) -> tuple[int, int | None]:
        for sign, bounds in {"*": (0, None), "+": (1, None), "?": (0, 1)}.items():
            if self._take(sign):
                return bounds
        if self._peek() != "{":
            return 1, 1
        inner = "".join(reversed(self.rest)).partition("}")[0][1:]
        least, comma, most = inner.partition(",")
        if not least.isdecimal() or (most and not most.isdecimal()):
            return 1, 1
        del self.rest[-len(inner) - 2 :]
        return int(least), (int(most) if most else None) if comma else int(least)
