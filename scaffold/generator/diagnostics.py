"""What is wrong with an author's file: where, what, and how to mend it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from scaffold.generator.mend.edits import Mend

__all__ = ["Diagnostic", "SpecError"]


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
    help: str = ""
    severity: Literal["error", "warning"] = "error"
    mend: Mend | None = field(default=None, compare=False, repr=False)
    """What `scaffold lint --fix` would change, if there is no doubt about it."""

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}:{self.column}: {self.code}: {self.message}"
        return f"{text}\n  help: {self.help}" if self.help else text


class SpecError(Exception):
    """A hookspec that cannot be used; every problem found, in the order of the text."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(sorted(set(diagnostics)))
        super().__init__("\n".join(map(str, self.diagnostics)))
