"""`scaffold generate`: bring generated files to what the hookspecs say."""

import sys
from collections.abc import Iterable
from pathlib import Path

from scaffold.project import files
from scaffold.project.drift import drift
from scaffold.project.errors import PreconditionError
from scaffold.project.files import Change, State
from scaffold.project.write import apply

__all__ = ["generate"]

_DONE = {State.STALE: "removed", State.MISSING: "created"}


def generate(folder: Path, *, check: bool, diff: bool) -> int:
    """Write what is out of date; with `check` or `diff` only show it, and return 1 if there is."""
    due = [change for change in drift(folder) if change.state is not State.UNCHANGED]
    if check or diff:
        sys.stdout.writelines(_lines(due, check=check, diff=diff))
        return 1 if due else 0
    _refuse_edits(due)
    apply(folder, due)
    for change in due:
        sys.stderr.write(f"{_DONE.get(change.state, 'updated')} {change.path}\n")
    return 0


def _lines(due: list[Change], *, check: bool, diff: bool) -> Iterable[str]:
    if check:
        yield from (f"{change.path}: {change.state}\n" for change in due)
    if diff:
        yield from files.diff(due)


def _refuse_edits(due: Iterable[Change]) -> None:
    """Raise `PreconditionError` if a file to be written was edited by hand."""
    edited = [f"'{change.path}'" for change in due if change.state is State.EDITED]
    if edited:
        message = f"edited by hand since scaffold wrote it: {', '.join(edited)}"
        mend = (
            "see the edits with --diff; move them into a file of yours or into the hookspec, "
            "delete the file, and generate again"
        )
        raise PreconditionError("hand-edited", message, mend)
