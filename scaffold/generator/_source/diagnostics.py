"""Diagnostics: the place, the problem, a hint, and a fix if there is one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from scaffold.generator._source.edits import Fix


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
        text = f"{self.file}:{self.line}:{self.column}: {self.code}: {self.message}"
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
