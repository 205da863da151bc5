"""Line breaks: source text in the shape that a formatter leaves alone.

A broken bracket holds one item a line and ends in a comma, which formatters keep at every line
length; so no formatter has to run when code is generated.
"""

import re
from dataclasses import dataclass
from typing import TypeAlias

from scaffold.generator._emit.python.literals import text

__all__ = ["WIDTH", "Bracket", "Either", "Row", "Source", "Text", "declaration", "layout"]

WIDTH = 88
"""Columns of a line: the default of the formatters in use."""

INDENT = 4


@dataclass(frozen=True, slots=True)
class Bracket:
    """Items between brackets; broken, they stand one a line."""

    start: str
    items: tuple["Source", ...]
    end: str
    comma: bool = True
    """False where a comma at the end would change the meaning: `list[X]`."""


@dataclass(frozen=True, slots=True)
class Either:
    """`A | B`; broken, it needs brackets around it."""

    members: tuple["Source", ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A string; broken, it becomes several that Python joins."""

    value: str


@dataclass(frozen=True, slots=True)
class Row:
    """Parts side by side."""

    parts: tuple["Source", ...]


Source: TypeAlias = str | Bracket | Either | Text | Row


def layout(source: Source, indent: int = 0) -> str:
    """Write source that starts at column `indent`; only later lines are indented in the result."""
    return _write(source, indent, indent, "")


def declaration(name: str, hint: Source, value: Source | None, indent: int = 0) -> str:
    """Write `name: hint = value`.

    What cannot be broken is moved as a whole, as formatters do: the value first, if the rest fits.
    """
    whole = Row((f"{name}: ", hint)) if value is None else Row((f"{name}: ", hint, " = ", value))
    room = WIDTH - indent
    if len(flat(whole)) > room and not _stays_broken(hint):
        left = f"{name}: {flat(hint)} = ("
        if isinstance(value, str) and len(left) <= room:
            whole = Row((left[:-1], _around(value)))
        elif isinstance(hint, str) and value is None:
            whole = Row((f"{name}: ", _around(hint)))
    return layout(whole, indent)


def _stays_broken(source: Source) -> bool:
    parts = source.parts if isinstance(source, Row) else (source,)
    return any(isinstance(part, Bracket) and part.comma for part in parts)


def _around(source: Source) -> Bracket:
    return Bracket("(", (source,), ")", comma=False)


def flat(source: Source) -> str:
    """Write source on one line."""
    match source:
        case str():
            return source
        case Text(value):
            return text(value)
        case Either(members):
            return " | ".join(map(flat, members))
        case Row(parts):
            return "".join(map(flat, parts))
        case Bracket(start, items, end):
            return f"{start}{', '.join(map(flat, items))}{end}"


def _write(source: Source, indent: int, column: int, tail: str, *, bare: bool = False) -> str:
    # `tail` is what must follow on the same line; `bare` says that brackets stand around already.
    line = flat(source)
    if column + len(line) + len(tail) <= WIDTH:
        return line
    match source:
        case str():
            return source
        case Row(parts):
            return _row(parts, indent, column, tail)
        case Text(value):
            return _stack(_pieces(value, WIDTH - indent - INDENT - 2), indent, "(", ")")
        case Either(members):
            inner = indent if bare else indent + INDENT
            lines = [_write(member, inner, inner + 2, "") for member in members]
            if bare:
                return f"\n{' ' * indent}| ".join(lines)
            if inner + len(line) <= WIDTH:
                return _stack([line], indent, "(", ")")
            return _stack([lines[0], *(f"| {line}" for line in lines[1:])], indent, "(", ")")
        case Bracket(start, items, end, comma):
            if not items:
                return line
            inner = indent + INDENT
            lines = [_write(item, inner, inner, ",", bare=True) for item in items]
            return _stack(lines, indent, start, end, "," if comma else "")


def _row(parts: tuple[Source, ...], indent: int, column: int, tail: str) -> str:
    written = ""
    for place, part in enumerate(parts):
        after = _until_break(parts[place + 1 :], tail)
        written += _write(part, indent, column, after)
        last = written.rsplit("\n", 1)
        column = len(last[1]) if len(last) > 1 else column + len(flat(part))
    return written


def _until_break(parts: tuple[Source, ...], tail: str) -> str:
    # The text that cannot be moved to another line: up to the next bracket that can be broken.
    before = ""
    for part in parts:
        match part:
            case Bracket(start, items, _end) if items:
                return before + start
            case Row(inner):
                stopped = _until_break(inner, "\n")
                if not stopped.endswith("\n"):
                    return before + stopped
                before += stopped[:-1]
            case Either() | Text():
                return f"{before}("
            case _:
                before += flat(part)
    return before + tail


def _stack(lines: list[str], indent: int, start: str, end: str, comma: str = "") -> str:
    pad = " " * (indent + INDENT)
    body = "\n".join(f"{pad}{line}{comma}" for line in lines)
    return f"{start}\n{body}\n{' ' * indent}{end}"


def _pieces(value: str, width: int) -> list[str]:
    pieces: list[str] = []
    piece = ""
    for word in re.findall(r"\S*\s*", value):
        if piece and len(text(piece + word)) > width:
            pieces.append(text(piece))
            piece = ""
        piece += word
    return [*pieces, text(piece)]
