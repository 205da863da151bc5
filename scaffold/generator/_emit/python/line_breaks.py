"""Line breaks: source text in the shape that a formatter leaves alone.

A broken bracket holds one item a line and ends in a comma, which formatters keep at every line
length; so no formatter has to run when code is generated.
"""

import re
from dataclasses import dataclass
from typing import TypeAlias

from scaffold.generator._emit.python.literals import string_literal

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
class UnionType:
    """`A | B`; broken, it needs brackets around it."""

    members: tuple["Source", ...]


@dataclass(frozen=True, slots=True)
class StringLiteral:
    """A string; broken, it becomes several that Python joins."""

    value: str


@dataclass(frozen=True, slots=True)
class Concat:
    """Parts side by side."""

    parts: tuple["Source", ...]


Source: TypeAlias = str | Bracket | UnionType | StringLiteral | Concat


def format_source(source: Source, indent: int = 0) -> str:
    """Write source that starts at column `indent`; only later lines are indented in the result."""
    return _write(source, indent, indent, "")


def assignment(name: str, hint: Source, value: Source | None, indent: int = 0) -> str:
    """Write `name: hint = value`.

    What cannot be broken is moved as a whole, as formatters do: the value first, if the rest fits.
    """
    whole = (
        Concat((f"{name}: ", hint)) if value is None else Concat((f"{name}: ", hint, " = ", value))
    )
    room = WIDTH - indent
    if len(one_line(whole)) > room and not _stays_broken(hint):
        left = f"{name}: {one_line(hint)} = ("
        if isinstance(value, str) and len(left) <= room:
            whole = Concat((left[:-1], _around(value)))
        elif isinstance(hint, str) and value is None:
            whole = Concat((f"{name}: ", _around(hint)))
    return format_source(whole, indent)


def _stays_broken(source: Source) -> bool:
    parts = source.parts if isinstance(source, Concat) else (source,)
    return any(isinstance(part, Bracket) and part.comma for part in parts)


def _around(source: Source) -> Bracket:
    return Bracket("(", (source,), ")", comma=False)


def one_line(source: Source) -> str:
    """Write source on one line."""
    match source:
        case str():
            return source
        case StringLiteral(value):
            return string_literal(value)
        case UnionType(members):
            return " | ".join(map(one_line, members))
        case Concat(parts):
            return "".join(map(one_line, parts))
        case Bracket(start, items, end):
            return f"{start}{', '.join(map(one_line, items))}{end}"


def _write(source: Source, indent: int, column: int, tail: str, *, bare: bool = False) -> str:
    # `tail` is what must follow on the same line; `bare` says that brackets stand around already.
    line = one_line(source)
    if column + len(line) + len(tail) <= WIDTH:
        return line
    match source:
        case str():
            return source
        case Concat(parts):
            return _row(parts, indent, column, tail)
        case StringLiteral(value):
            return _stack(_pieces(value, WIDTH - indent - INDENT - 2), indent, "(", ")")
        case UnionType(members):
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
        column = len(last[1]) if len(last) > 1 else column + len(one_line(part))
    return written


def _until_break(parts: tuple[Source, ...], tail: str) -> str:
    # The text that cannot be moved to another line: up to the next bracket that can be broken.
    before = ""
    for part in parts:
        match part:
            case Bracket(start, items, _end) if items:
                return before + start
            case Concat(inner):
                stopped = _until_break(inner, "\n")
                if not stopped.endswith("\n"):
                    return before + stopped
                before += stopped[:-1]
            case UnionType() | StringLiteral():
                return f"{before}("
            case _:
                before += one_line(part)
    return before + tail


def _stack(lines: list[str], indent: int, start: str, end: str, comma: str = "") -> str:
    pad = " " * (indent + INDENT)
    body = "\n".join(f"{pad}{line}{comma}" for line in lines)
    return f"{start}\n{body}\n{' ' * indent}{end}"


def _pieces(value: str, width: int) -> list[str]:
    pieces: list[str] = []
    piece = ""
    for word in re.findall(r"\S*\s*", value):
        if piece and len(string_literal(piece + word)) > width:
            pieces.append(string_literal(piece))
            piece = ""
        piece += word
    return [*pieces, string_literal(piece)]
