"""What has to change on disk, found out before anything is touched.

Wanted files are compared with those on disk and with the lockfile: the lockfile tells an old file
of ours, which may be replaced, from a file that somebody has edited, which may not.
"""

import io
import itertools
import os
import posixpath
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from scaffold._filesystem.project_tree import ProjectTree
from scaffold._filesystem.reading import OutsideProjectError
from scaffold._project.config.access import explain_os_errors, read_file
from scaffold._project.config.errors import PreconditionError
from scaffold._project.config.settings import Targets
from scaffold._project.files.lockfile import LOCKFILE, Lock, Owner, digest


class State(StrEnum):
    """How a file on disk stands to what is wanted there."""

    UNCHANGED = "unchanged"
    MISSING = "missing"
    """To be created."""
    OUTDATED = "outdated"
    """As scaffold wrote it, and no longer what is wanted: to be updated."""
    LINE_ENDINGS = "differs only in line endings"
    """The right text with other line endings: to be updated."""
    STALE = "stale"
    """As scaffold wrote it, and no longer wanted: to be removed."""
    EDITED = "edited by hand"
    """Not what scaffold wrote: refused, never overwritten."""
    LEFT = "no longer generated, and not in a target folder: left alone"
    """The lockfile lists it, but no emitter can have written it: never touched."""


@dataclass(frozen=True, slots=True)
class Change:
    """One file: `before` is what is on disk, `after` what is wanted; None: there is no file."""

    path: str
    state: State
    before: bytes | None
    after: bytes | None
    executable: bool | None = None
    """Whether the file is executable; None leaves that as it is."""


def resolve_path(root: Path, path: str) -> Path:
    """Return where a file of the project really is, links followed.

    Raises `PreconditionError` if the file is outside of the project.
    """
    with explain_os_errors(path), ProjectTree(root) as tree:
        return tree.real / tree.locate(posixpath.normpath(path))


def compare_files(
    root: Path, wanted: Mapping[str, str], lock: Lock, targets: Targets | None = None
) -> tuple[Change, ...]:
    """Compare the generated files that a project should have with those it has, sorted by path.

    With `targets`, files that no emitter can have written are left alone, whatever the lockfile
    lists. Raises `PreconditionError` if a path leads out of the project, or to such a file.
    """
    ours = lock.owned(Owner.GENERATED)
    found: list[Change] = []
    with ProjectTree(root) as tree:
        for path in sorted(wanted.keys() | ours.keys()):
            after = wanted[path].encode() if path in wanted else None
            with explain_os_errors(path):
                real = tree.locate(path)
                if targets is None or (real == path and after is not None):
                    own = True
                else:
                    own = targets.own(real, tree)
                if own:
                    written = ours[path].sha256 if path in ours else None
                    found.append(_compare(path, _read(tree, real), after, written))
                elif real != path:
                    raise OutsideProjectError(
                        path, f"leads to '{real}', which is not a generated file"
                    )
                elif tree.holds(path):
                    found.append(Change(path, State.LEFT, None, None))
    return tuple(found)


def compare_lockfile(root: Path, lock: Lock) -> Change:
    """Compare the lockfile that a project should have with the one it has.

    People do not edit it: whatever it says that is not so is out of date.
    """
    after = lock.render().encode()
    try:
        before = read_file(root, LOCKFILE)
    except FileNotFoundError:
        return Change(LOCKFILE, State.MISSING, None, after)
    same = digest(before) == digest(after)
    return Change(LOCKFILE, State.UNCHANGED if same else State.OUTDATED, before, after)


def _compare(path: str, before: bytes | None, after: bytes | None, written: str | None) -> Change:
    return Change(path, _state(before, after, written), before, after)


def _state(before: bytes | None, after: bytes | None, written: str | None) -> State:
    if before == after:
        return State.UNCHANGED
    if before is None:
        return State.MISSING
    if after is not None and digest(before) == digest(after):
        return State.LINE_ENDINGS
    if digest(before) != written:
        return State.EDITED
    return State.STALE if after is None else State.OUTDATED


def rewrite_text(root: Path, path: str, text: str) -> Change:
    """Return the change that puts another text into a file; a byte order mark stays."""
    before = read_file(root, path)
    mark = BOM_UTF8 if before.startswith(BOM_UTF8) else b""
    return Change(path, State.OUTDATED, before, mark + text.encode())


def refuse_edits(changes: Iterable[Change]) -> None:
    """Raise `PreconditionError` if a file to be written was edited by hand."""
    edited = [f"'{change.path}'" for change in changes if change.state is State.EDITED]
    if edited:
        message = f"edited by hand since scaffold wrote it: {', '.join(edited)}"
        advice = (
            "see the edits with 'scaffold generate --diff'; move them into a file of yours or into "
            "the hookspec, and generate with --set-aside, which keeps them as '<file>.edited'"
        )
        raise PreconditionError("hand-edited", message, advice)


def set_aside(root: Path, changes: Iterable[Change]) -> Iterator[Change]:
    """Turn each edited file into two changes: the edit is kept as a copy, the file regenerated."""
    for change in changes:
        if change.state is not State.EDITED:
            yield change
            continue
        yield Change(_aside(root, change.path), State.MISSING, None, change.before)
        state = State.STALE if change.after is None else State.OUTDATED
        yield Change(change.path, state, change.before, change.after)


def _aside(root: Path, path: str) -> str:
    names = (f"{path}.edited{number or ''}" for number in itertools.count())
    return next(name for name in names if not os.path.lexists(root / name))


def unified_diff(changes: Iterable[Change]) -> Iterator[str]:
    """Yield the lines of a unified diff from what is on disk to what is wanted."""
    for change in changes:
        if change.before != change.after or change.executable is not None:
            yield from _diff(change)


def _diff(change: Change) -> Iterator[str]:
    import difflib

    before = "/dev/null" if change.before is None else f"a/{change.path}"
    after = "/dev/null" if change.after is None else f"b/{change.path}"
    if change.executable is not None:
        modes = ("100644", "100755") if change.executable else ("100755", "100644")
        yield f"diff --git a/{change.path} b/{change.path}\n"
        if change.before is None:
            yield f"new file mode {modes[1]}\n"
        else:
            yield from (f"old mode {modes[0]}\n", f"new mode {modes[1]}\n")
    for line in difflib.unified_diff(_lines(change.before), _lines(change.after), before, after):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(content: bytes | None) -> list[str]:
    # Cut at "\n" only: str.splitlines would also cut at form feeds and line separators.
    text = (content or b"").decode("utf-8", "replace").replace("\r", "\\r")
    return list(io.StringIO(text, newline="\n"))


def _read(tree: ProjectTree, path: str) -> bytes | None:
    try:
        return tree.read(path)
    except FileNotFoundError:
        return None
