"""A source file: its JSON value, and the position of each part."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from scaffold._filesystem.reading import read_small_file
from scaffold.generator._source.diagnostics import Diagnostic, Edit, Fix, SpecError
from scaffold.generator.ir import Json

Pointer: TypeAlias = tuple[str | int, ...]
"""The way from a document's root to one of its values: keys and indexes."""

TextOverrides: TypeAlias = Mapping[Path, str]
"""Files as they are about to be: they are read from here, and all others from the disk."""

NO_OVERRIDES: TextOverrides = MappingProxyType({})

Position: TypeAlias = tuple[int, int]
"""Line and column, both counted from 1."""

MAX_DEPTH = 128
"""Maximum nesting of objects and lists. Code that walks values recurses, so it must be bounded."""


@dataclass(frozen=True, slots=True)
class Positions:
    """The positions of the values of a document, and of the keys that name them."""

    values: Mapping[Pointer, Position]
    keys: Mapping[Pointer, Position]


@dataclass(frozen=True)
class SourceFile:
    """One file that was read. Places are found when the first problem asks for one."""

    file: str
    """The name to print."""
    value: Json
    find_positions: Callable[[], Positions]

    @cached_property
    def positions(self) -> Positions:
        """Where everything stands."""
        return self.find_positions()

    def problem(
        self,
        at: Pointer,
        code: str,
        message: str,
        hint: str = "",
        *,
        key: bool = False,
        fix: Iterable[Edit] = (),
        safe: bool = True,
    ) -> Diagnostic:
        """Report a problem with the value at a pointer, or with the key that names it.

        Args:
            at: JSON Pointer; if there is no such value, the nearest value around it.
            code: Kebab-case name of the problem.
            message: What is wrong.
            hint: What to do.
            key: Report the place of the key instead of the place of its value.
            fix: The edits that solve the problem, if there is no doubt about them.
            safe: Whether the schema accepts the same values after the edits.
        """
        known = self.positions.keys if key else self.positions.values
        while at and at not in known:
            at, known = at[:-1], self.positions.values
        line, column = known.get(at, (1, 1))
        edits = tuple(fix)
        able = Fix(edits, safe) if edits else None
        return Diagnostic(self.file, line, column, code, message, hint, fix=able)


HALF_CHARACTER = (
    "an escape stands for half a character",
    "write the character itself, or both of its \\u escapes",
)
"""Message and help for text that no UTF-8 can carry (RFC 8259 section 8.2)."""

HUGE_NUMBER = (
    "the number is larger than a double can hold",
    "stay below 1.8e308, or write it as text",
)
"""Message and help for what overflows a double (RFC 8259 section 6), and is then infinite."""


MAX_DIGITS = 4_300

LONG_NUMBER = (
    "the number has too many digits",
    "write at most 4,300 digits, or write it as text",
)
"""Message and help for an integer that Python refuses to read (`sys.get_int_max_str_digits`)."""


def join_surrogates(text: str) -> str | None:
    """Join the surrogate pairs that escapes made; `None` if one half is missing."""
    if text.isascii():
        return text
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        return None


_NOT_UTF8 = "the file is not UTF-8 text", "save it as UTF-8"


def read_text(path: Path, file: str, texts: TextOverrides = NO_OVERRIDES) -> str:
    """Read a text file that an author named; `file` is the name to print."""
    if path in texts:
        return texts[path]
    try:
        return read_small_file(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        problem = Diagnostic(file, line, column, "not-utf8", *_NOT_UTF8)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        problem = Diagnostic(file, 1, 1, "unreadable-file", f"the file cannot be read: {reason}")
    raise SpecError([problem])
