"""Files that git would wait for, or read without an end.

Git opens the files of its own folder, and every `.gitignore`, without looking at what they are. It
waits for a pipe that never gets a writer, and takes a file of any size into memory. An unpacked
archive may bring both.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from scaffold._filesystem.reading import MAX_FILE_BYTES, read_small_file
from scaffold._project.config.errors import PreconditionError

_IGNORED: Final = ".gitignore"
_GIT: Final = ".git"
_WORDS: Final = "gitdir: "
_NEVER_OPENED: Final = {"lfs", "modules"}
"""Folders in git's own that the commands used here do not read; they may be large."""
_SIZED: Final = {"config", "config.worktree", "HEAD", "commondir", "exclude"}
"""Files of git's own that it reads as a whole, and that people write."""


def refuse_special(top: Path) -> None:
    """Refuse a repository in whose own folder git would wait, or read without an end.

    Args:
        top: A folder that has `.git`: a folder, or a file that names one.

    Raises:
        PreconditionError: `special-file`, with the path.
    """
    own = _own(top / _GIT)
    shared = _shared(own)
    for folder in {own, shared}:
        with suppress(OSError, ValueError):
            found = folder.stat()
            _refuse_in(folder, (found.st_ino, found.st_mtime_ns))


def refuse_special_ignored(project: Path) -> None:
    """Refuse what git would wait for while it lists the unknown files of a project.

    That is a `.gitignore` in or above it that is not a regular file of at most 16 MB, and the same
    in the folder of git of a repository in it.

    Raises:
        PreconditionError: `special-file`, with the path.
    """
    for path in (*_above(project), *_below(project)):
        _refuse(path, sized=True)


def _above(project: Path) -> Iterator[Path]:
    """Yield the lists of ignored files between a project and the top of its repository."""
    folder = project.resolve()
    while not (folder / _GIT).exists() and folder != folder.parent:
        folder = folder.parent
        yield folder / _IGNORED


def _below(project: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(project):
        if _GIT in (*folders, *names):
            # Git looks whether a folder is a repository of its own.
            refuse_special(Path(place))
            folders[:] = [name for name in folders if name != _GIT]
        for name in names:
            # Some file systems do not tell case.
            if name.casefold() == _IGNORED:
                yield Path(place, name)


def _own(path: Path) -> Path:
    """Return git's own folder, which a file may name."""
    if not path.is_file():
        _refuse(path, sized=True)
        return path
    try:
        text = os.fsdecode(read_small_file(path))
    except OSError:
        text = ""
    return path.parent / text.removeprefix(_WORDS).strip() if text.startswith(_WORDS) else path


def _shared(own: Path) -> Path:
    """Return the folder that several work trees share."""
    _refuse(own / "commondir", sized=True)
    try:
        return own / os.fsdecode(read_small_file(own / "commondir")).strip()
    except (OSError, ValueError):
        return own


@cache
def _refuse_in(folder: Path, _state: tuple[int, int]) -> None:
    """Refuse special files in a folder, once in a process; most objects cost no system call."""
    waiting: list[str | Path] = [folder]
    while waiting:
        place = waiting.pop()
        with suppress(OSError, ValueError), os.scandir(place) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if place is not folder or entry.name not in _NEVER_OPENED:
                        waiting.append(entry.path)
                elif entry.name in _SIZED or not entry.is_file(follow_symlinks=False):
                    _refuse(Path(entry.path), sized=entry.name in _SIZED)


def _refuse(path: Path, *, sized: bool) -> None:
    """Refuse a pipe or a device, and with `sized` also a file of more than 16 MB."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return
    kind = found.st_mode
    if stat.S_ISFIFO(kind) or stat.S_ISCHR(kind) or stat.S_ISBLK(kind):
        reason = "is a pipe or a device, and git would wait for it"
    elif sized and stat.S_ISREG(kind) and found.st_size > MAX_FILE_BYTES:
        reason = f"has more than {MAX_FILE_BYTES // 2**20} MB, and git would read all of it"
    else:
        return
    message = f"'{path}' {reason}"
    raise PreconditionError("special-file", message, "remove it: no version of it is of use to git")
