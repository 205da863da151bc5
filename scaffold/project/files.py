"""What has to change on disk, found out before anything is touched.

Wanted files are compared with those on disk and with the lockfile: the lockfile tells an old file
of ours, which may be replaced, from a file that somebody has edited, which may not.
"""

import io
import itertools
import os
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from scaffold.project.errors import PreconditionError
from scaffold.project.lock import Lock, Owner, digest

__all__ = ["Change", "State", "diff", "place", "plan", "refuse_edits", "rewritten", "set_aside"]


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


@dataclass(frozen=True, slots=True)
class Change:
    """One file: `before` is what is on disk, `after` what is wanted; None is no file."""

    path: str
    state: State
    before: bytes | None
    after: bytes | None


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder of the project: where it really is, and which names in it are links."""

    real: Path
    inside: bool
    links: frozenset[str]

    @classmethod
    def of(cls, root: Path, path: str) -> "_Folder":
        real = (root / path).resolve()
        links: list[str] = []
        with suppress(OSError), os.scandir(real) as entries:
            links = [entry.name for entry in entries if entry.is_symlink()]
        return cls(real, real.is_relative_to(root.resolve()), frozenset((*links, "..")))


def place(root: Path, path: str, folders: dict[str, _Folder] | None = None) -> Path:
    """Return where a file of the project really is, links followed.

    `folders` keeps what is known of folders, for who asks for many files and touches none. Raises
    `PreconditionError` if the file is outside of the project.
    """
    folders = {} if folders is None else folders
    cut = path.rfind("/") + 1
    parent, name = path[:cut], path[cut:]
    folder = folders.get(parent)
    if folder is None:
        folder = folders[parent] = _Folder.of(root, parent)
    leads_on = name in folder.links
    target = (root / path).resolve() if leads_on else folder.real / name
    if not (target.is_relative_to(root.resolve()) if leads_on else folder.inside):
        message = f"'{path}' leads out of the project, to '{target}'"
        raise PreconditionError("outside", message, "replace the link by a folder or a file")
    return target


def plan(root: Path, wanted: Mapping[str, str], lock: Lock) -> tuple[Change, ...]:
    """Compare the generated files that a project should have with those it has, sorted by path."""
    ours = lock.owned(Owner.GENERATED)
    folders: dict[str, _Folder] = {}
    return tuple(
        _compare(
            path,
            _read(place(root, path, folders)),
            wanted[path].encode() if path in wanted else None,
            ours[path].sha256 if path in ours else None,
        )
        for path in sorted(wanted.keys() | ours.keys())
    )


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


def rewritten(root: Path, path: str, text: str) -> Change:
    """Return the change that puts another text into a file; a byte order mark stays."""
    before = place(root, path).read_bytes()
    mark = BOM_UTF8 if before.startswith(BOM_UTF8) else b""
    return Change(path, State.OUTDATED, before, mark + text.encode())


def refuse_edits(changes: Iterable[Change]) -> None:
    """Raise `PreconditionError` if a file to be written was edited by hand."""
    edited = [f"'{change.path}'" for change in changes if change.state is State.EDITED]
    if edited:
        message = f"edited by hand since scaffold wrote it: {', '.join(edited)}"
        mend = (
            "see the edits with 'scaffold generate --diff'; move them into a file of yours or into "
            "the hookspec, and generate with --set-aside, which keeps them as '<file>.edited'"
        )
        raise PreconditionError("hand-edited", message, mend)


def set_aside(root: Path, changes: Iterable[Change]) -> Iterator[Change]:
    """Turn each edited file into two changes: the edit is kept beside it, the file is written."""
    for change in changes:
        if change.state is not State.EDITED:
            yield change
            continue
        yield Change(_aside(root, change.path), State.MISSING, None, change.before)
        state = State.STALE if change.after is None else State.OUTDATED
        yield Change(change.path, state, change.before, change.after)


def _aside(root: Path, path: str) -> str:
    names = (f"{path}.edited{number or ''}" for number in itertools.count())
    return next(name for name in names if not (root / name).exists())


def diff(changes: Iterable[Change]) -> Iterator[str]:
    """Yield the lines of a unified diff from what is on disk to what is wanted."""
    for change in changes:
        if change.state is not State.UNCHANGED:
            yield from _diff(change)


def _diff(change: Change) -> Iterator[str]:
    import difflib

    before = "/dev/null" if change.before is None else f"a/{change.path}"
    after = "/dev/null" if change.after is None else f"b/{change.path}"
    for line in difflib.unified_diff(_lines(change.before), _lines(change.after), before, after):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(content: bytes | None) -> list[str]:
    # Cut at "\n" only: str.splitlines would also cut at form feeds and line separators.
    text = (content or b"").decode("utf-8", "replace").replace("\r", "\\r")
    return list(io.StringIO(text, newline="\n"))


def _read(target: Path) -> bytes | None:
    try:
        with target.open("rb", buffering=0) as file:
            return file.readall()
    except FileNotFoundError:
        return None
    except (IsADirectoryError, NotADirectoryError) as error:
        message = f"'{target}' is in the way: a file and a folder want the same name"
        raise PreconditionError("in-the-way", message, "move it elsewhere") from error
