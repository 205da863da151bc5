"""Diagnostics: the place, the problem, a hint, and a fix if there is one.

A fix consists of edits that are addressed by JSON Pointers, so rules that make fixes need not know
the text. `text_edits.py` makes them in the text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from scaffold._printable import printable_line
from scaffold.generator.ir import Json

_Pointer: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Rename:
    """Give the key at a pointer another name."""

    file: str
    at: _Pointer
    name: str


@dataclass(frozen=True, slots=True)
class Replace:
    """Put another value at a pointer."""

    file: str
    at: _Pointer
    value: Json


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove the key, or the item of a list, at a pointer."""

    file: str
    at: _Pointer


@dataclass(frozen=True, slots=True)
class Insert:
    """Put another key in front of the one at a pointer."""

    file: str
    at: _Pointer
    name: str
    value: Json


Edit: TypeAlias = Rename | Replace | Remove | Insert


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that belong together: all of them are made, or none."""

    edits: tuple[Edit, ...]
    safe: bool = True
    """False if a value that was accepted may be refused afterwards, or the other way round."""


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """One finding, printed as `file:line:col: code: message`, then `help: …`."""

    file: str
    line: int
    """Counted from 1."""
    column: int
    """Counted from 1, in characters."""
    code: str
    """kebab-case; names the problem, never changes, and has a heading in `docs/errors.md`."""
    message: str
    """Lower case, names in single quotes, no full stop."""
    hint: str = ""
    severity: Literal["error", "warning"] = "error"
    fix: Fix | None = field(default=None, compare=False, repr=False)
    """What `scaffold lint --fix` would change, if there is no doubt about it."""

    def __str__(self) -> str:
        place = f"{printable_line(self.file)}:{self.line}:{self.column}"
        # A name in the message may have a newline, and the rest would look like a line of ours.
        text = f"{place}: {self.code}: {printable_line(self.message)}"
        return f"{text}\n  help: {self.hint}" if self.hint else text


MAX_PRINTED_FINDINGS = 500
"""Findings that are printed. A file with more of them is not corrected line by line."""


def format_findings(findings: Sequence[Diagnostic]) -> list[str]:
    """Write findings for people: the first some hundred, and how many more there are."""
    lines = [str(each) for each in findings[:MAX_PRINTED_FINDINGS]]
    left = len(findings) - len(lines)
    return [*lines, f"and {left} more"] if left else lines


class SpecError(Exception):
    """A hookspec that cannot be used; every problem found, in the order of the text."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(sorted(set(diagnostics)))
        super().__init__("\n".join(format_findings(self.diagnostics)))
